"""Make calls side by side, and collect the value or the error of each call."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")


def side_by_side(calls: Sequence[Callable[[], T]], *, parallel: bool) -> list[T | Exception]:
    """Make each call in its own thread, and return the values or errors in order."""
    with ThreadPoolExecutor(max_workers=max(1, len(calls)) if parallel else 1) as pool:
        return list(pool.map(_outcome, calls))


async def side_by_side_async(
    calls: Sequence[Callable[[], Awaitable[T]]], *, parallel: bool
) -> list[T | Exception]:
    """Do the same as side_by_side, with coroutines."""
    if parallel:
        return await asyncio.gather(*map(_outcome_async, calls))
    return [await _outcome_async(call) for call in calls]


def _outcome(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except Exception as error:
        return error


async def _outcome_async(call: Callable[[], Awaitable[T]]) -> T | Exception:
    try:
        return await call()
    except Exception as error:
        return error
