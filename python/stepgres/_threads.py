"""Calls in threads of their own, which go on when nobody waits for them any more."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Call(Future[T]):
    """A function that is called in a thread; it is done when the function has returned."""

    def __init__(self, function: Callable[..., T], *arguments: Any) -> None:
        super().__init__()
        self._function = function
        self._arguments = arguments
        self.thread_id: int | None = None

    async def wait(self) -> T:
        """Call it and return its value; whoever waits no more leaves the thread behind."""
        try:
            await in_thread(self._run)
        finally:
            self.cancel()  # if it has not begun
        return self.result()

    def _run(self) -> None:
        if not self.set_running_or_notify_cancel():
            return
        self.thread_id = threading.get_ident()
        try:
            self.set_result(self._function(*self._arguments))
        except BaseException as error:
            self.set_exception(error)


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a thread of its own, which is left behind when nobody waits any more."""
    return await anyio.to_thread.run_sync(
        # the caller has counted it already
        function,
        *arguments,
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )
