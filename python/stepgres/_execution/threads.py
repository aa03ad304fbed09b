"""Call functions in threads, which continue when their caller no longer waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Running(Protocol):
    """A call in a thread or process, such as a concurrent.futures.Future."""

    def done(self) -> bool:
        """Return whether the call has ended."""

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call a function in any thread when the call ends, or at once if the call has ended."""


class Call(Generic[T]):
    """A call of a function in a thread. The call is done when the function has returned.

    A Future could do the same, but would cost a tenth of a short step.
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
        """Call the function and return its value. Cancelling the wait abandons the thread."""
        try:
            value, error = await in_thread(self._run)
        except BaseException:
            with self._lock:
                self._is_abandoned = True
                if self.thread_id is None:
                    self._is_done = True  # the call has not begun, and does not begin
            raise
        if error is not None:
            raise error
        return cast("T", value)

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._is_done

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        """Call a function in the thread when the call ends, or at once if the call has ended."""
        with self._lock:
            if not self._is_done:
                self._callbacks.append(fn)
                return
        fn(self)

    def _run(self) -> tuple[T | None, BaseException | None]:
        """Return the value or the error of the function. Threads do not pass on every error."""
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
    """Call a function in its own thread. Cancelling the wait abandons the thread."""
    return await anyio.to_thread.run_sync(
        # the caller has counted the thread already
        function,
        *arguments,
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )
