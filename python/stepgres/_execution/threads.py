"""Call functions in threads, which continue when their caller no longer waits."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, Queue
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

import anyio
import anyio.to_thread

from stepgres._execution.average import Average

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_SHORT = 0.0002  # seconds, about twice the time in which a call gets to another thread
_PATIENCE = 0.001  # seconds that a call waits for a thread that executes short calls
_LONGEST_REST = 0.01  # seconds that a thread waits for its next call


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
        self._outcome: tuple[T | None, BaseException | None] = (None, None)
        self.thread_id: int | None = None
        self.seconds = 0.0

    async def wait(self, threads: CallQueue | None = None) -> T:
        """Call the function and return its value. Cancelling the wait abandons the thread.

        Without threads, the call gets its own thread.
        """
        try:
            await (in_thread(self.run) if threads is None else threads.run(self))
        except BaseException:
            with self._lock:
                self._is_abandoned = True
                if self.thread_id is None:
                    self._is_done = True  # the call has not begun, and does not begin
            raise
        value, error = self._outcome
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

    def run(self) -> None:
        """Call the function in this thread, unless nobody waits for the call."""
        with self._lock:
            if self._is_abandoned:
                return
            self.thread_id = threading.get_ident()
        began_at = monotonic()
        try:
            self._outcome = self._function(*self._arguments), None
        except BaseException as error:
            self._outcome = None, error
        self.seconds = monotonic() - began_at
        with self._lock:
            self._is_done = True
        for callback in self._callbacks:
            callback(self)


class CallQueue:
    """The calls of an event loop, and the threads that execute the calls.

    Each call gets a thread at once. But while calls are short on average, one thread executes one
    call after the other, since another thread would not begin sooner. If no call begins for a
    moment, all waiting calls get threads.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        # no SimpleQueue: in Python 3.11 its get may wait for ever in spite of a timeout, if another
        # thread takes the item that it was woken for
        self._calls: Queue[_Entry] = Queue()
        self._ended: deque[_Entry] = deque()  # calls whose callers have not been told
        self._average = Average()
        self._threads: set[asyncio.Task[None]] = set()
        self._serving = 0  # threads that look for further calls
        self._is_resting = False  # whether a thread waits for its next call
        self._begun = 0  # calls
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, call: Call[Any]) -> None:
        """Execute a call in a thread, and wait for its end."""
        ended = self._loop.create_future()
        with self._lock:
            self._calls.put((call, ended))
            is_short = self._average.count and self._average.value < _SHORT
            has_thread = self._is_resting or (is_short and self._serving)
            self._is_resting = False
        if not has_thread:
            self._add_thread()
        if self._timer is None:
            self._begin_look()
        await ended

    def close(self) -> None:
        """Let go of the threads. Threads that still execute calls continue."""
        for thread in self._threads:
            thread.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _add_thread(self) -> None:
        with self._lock:
            self._serving += 1
        thread = self._loop.create_task(in_thread(self._serve))
        self._threads.add(thread)
        thread.add_done_callback(self._threads.discard)

    def _begin_look(self) -> None:
        self._timer = self._loop.call_later(_PATIENCE, self._look, self._begun)

    def _look(self, begun: int) -> None:
        """Add threads if no call has begun since the last look. Look again while calls wait."""
        self._timer = None
        waiting = self._calls.qsize()
        self._tell()  # after qsize, since a thread does not tell while calls wait
        if waiting:
            if self._begun == begun:
                for _ in range(waiting):
                    self._add_thread()
            self._begin_look()

    def _tell(self) -> None:
        """Tell the callers of the calls that have ended."""
        while self._ended:
            call, ended = self._ended.popleft()
            # a long call counts little, because the thread may have waited for its turn
            self._average.add(min(call.seconds, 5 * _SHORT))
            if not ended.done():
                ended.set_result(None)

    def _serve(self) -> None:
        """Execute calls in this thread, until no call comes for a moment."""
        context = copy_context()
        while entry := self._next():
            context.copy().run(entry[0].run)
            self._ended.append(entry)
            if self._calls.empty():
                with suppress(RuntimeError):  # the loop ended before an abandoned thread
                    self._loop.call_soon_threadsafe(self._tell)

    def _next(self) -> _Entry | None:
        """Wait for the next call. Only one thread waits, for the calls of the next moment."""
        while True:
            with self._lock:
                if self._calls.empty():
                    if self._is_resting:
                        self._serving -= 1
                        return None
                    self._is_resting = True
            try:
                entry = self._calls.get(timeout=_LONGEST_REST)
            except Empty:
                with self._lock:
                    if self._calls.empty():
                        self._is_resting = False
                        self._serving -= 1
                        return None
            else:
                self._begun += 1
                return entry


_Entry: TypeAlias = tuple[Call[Any], "asyncio.Future[None]"]


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in its own thread. Cancelling the wait abandons the thread."""
    return await anyio.to_thread.run_sync(
        # the caller has counted the thread already
        function,
        *arguments,
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )
