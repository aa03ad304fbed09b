"""Lists that are read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepgres.types import Approval, Wait

    T = TypeVar("T", Wait, Approval)

_PAGE = 1000


def by_wait_id(
    fetch: Callable[..., list[T]], limit: int | None, filters: dict[str, Any]
) -> Iterator[T]:
    """Yield what fetch lists, by wait_id; without a limit all of it."""
    after = None
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = fetch(limit=size, after=after, **filters)
        yield from page
        if len(page) < size:
            return
        after = page[-1].wait_id
        left = None if left is None else left - size
