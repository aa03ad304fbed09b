"""An event loop in a thread, for clients that have no event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, wait
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")

_LONGEST_WAIT = 1.0  # seconds until a thread looks for signals that did not end its wait


class BackgroundLoop:
    """An event loop that runs coroutines for threads; its daemon thread lets the process end."""

    def __init__(self) -> None:
        self._users: set[object] = set()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None
        self._lock = threading.Lock()

    def enter(self, user: object) -> None:
        """Let the loop run at least until this user leaves."""
        with self._lock:
            self._users.add(user)
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=loop.run_forever, name="stepgres-listener", daemon=True
                )
                thread.start()
                self._running = loop, thread

    def leave(self, user: object) -> None:
        """End the loop if this was its last user; a second call does nothing."""
        with self._lock:
            self._users.discard(user)
            if not self._users:
                self._stop()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine; cancel the coroutine if this thread is interrupted.

        Raises concurrent.futures.CancelledError if the loop ends before the coroutine ends.
        """
        with self._lock:
            if self._running is None:
                coroutine.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(coroutine, self._running[0])
        try:
            return result_of(future)
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop, and cancel the coroutines that the loop still runs."""
        with self._lock:
            self._users.clear()
            self._stop()

    def abandon(self) -> None:
        """Forget the loop in this forked process: the thread belongs to the parent."""
        self._lock = threading.Lock()
        self._users.clear()
        self._running = None

    def _stop(self) -> None:
        if self._running is not None:
            (loop, thread), self._running = self._running, None
            asyncio.run_coroutine_threadsafe(cancel_others(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def result_of(future: Future[T]) -> T:
    """Wait for a future, and return its result. A signal interrupts the wait within a second.

    Python handles signals in the main thread. A signal that reaches another thread, or comes just
    before the wait, does not end the wait of the main thread.
    """
    while not future.done():
        wait((future,), timeout=_LONGEST_WAIT)
    return future.result()


async def cancel_others() -> None:
    """Cancel all other tasks of this event loop, and wait until they have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
