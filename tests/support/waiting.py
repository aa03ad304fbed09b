"""Waiting for what other processes do, without guessing how long that takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T]) -> T:
    """Ask until the answer is true, and return it. The server answers, so this is no busy loop."""
    while not (answer := condition()):
        pass
    return answer
