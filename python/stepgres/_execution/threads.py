"""Calls in threads of their own, which go on when nobody waits for them any more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Running(Protocol):
    """What is executed in a thread or process; a concurrent.futures.Future is one."""

    def done(self) -> bool:
        """Whether it has really ended."""

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call a function when it ends, in any thread; at once if it has ended."""


class Call(Generic[T]):
    """A function that is called in a thread; done when it has returned, waited for or not.

    A Future could do the same, and costs a tenth of what a short step does.
    """

    def __init__(self, function: Callable[..., T], *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments
        self._lock = threading.Lock()
        self._is_done = False
        self._is_abandoned = False
        self._callbacks: list[Callable[[Any], None]] = []
        self.thread_id: int | None = None

    async def wait(self) -> T:
        """Call it and return its value; whoever waits no more leaves the thread behind."""
        try:
            value, error = await in_thread(self._run)
        except BaseException:
            with self._lock:
                self._is_abandoned = True
                if self.thread_id is None:
                    self._is_done = True  # it has not begun, and does not any more
            raise
        if error is not None:
            raise error
        return cast("T", value)

    def done(self) -> bool:
        """Whether it has really ended."""
        return self._is_done

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call a function when it ends, in its thread; at once if it has ended."""
        with self._lock:
            if not self._is_done:
                self._callbacks.append(fn)
                return
        fn(self)

    def _run(self) -> tuple[T | None, BaseException | None]:
        """What the function returns or raises; threads do not hand on all that may be raised."""
        with self._lock:
            if self._is_abandoned:
                raise RuntimeError("nobody waits for this call")
            self.thread_id = threading.get_ident()
        try:
            return self._function(*self._arguments), None
        except BaseException as error:
            return None, error
        finally:
            with self._lock:
                self._is_done = True
            for callback in self._callbacks:
                callback(self)


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a thread of its own, which is left behind when nobody waits any more."""
    return await anyio.to_thread.run_sync(
        # the caller has counted it already
        function,
        *arguments,
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )
