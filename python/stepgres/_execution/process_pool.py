"""Processes for `def` steps: one that dies takes its own step along, and nothing else.

A step that nobody waits for any more, because it took too long, takes its process along: it may
hang, and would keep its place for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


class ProcessDied(Exception):
    """The process that executed a step has died: killed, out of memory, or by its own doing."""


class ProcessPool(Executor):
    """Executes functions in so many processes, each of which is replaced when it dies.

    Each is a pool of its own: the death of a process breaks its pool for good, and fails all that
    is in it. They are spawned, since a process with threads cannot be forked safely.
    """

    def __init__(self, processes: int) -> None:
        # which starts now, because it unblocks the signals of the thread that starts it
        resource_tracker.ensure_running()
        self._threads = ThreadPoolExecutor(processes, "process", initializer=_block_interrupts)
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(processes):
            self._idle.put(_new_process())

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Execute a function when a process is free; ProcessDied if that dies of it.

        To cancel the future kills the process that executes the function, and makes a new one.
        """
        call = _Call(partial(fn, *args, **kwargs))
        turn = self._threads.submit(self._execute, call)
        turn.add_done_callback(lambda turn: turn.cancelled() and call.cancel())
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when they have done what they are doing."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait, cancel_futures=cancel_futures)

    def _execute(self, call: _Call[Any]) -> None:
        process = self._idle.get()
        try:
            process = call.run_in(process)
        except BaseException as error:  # there can be no new process, say
            call.set_exception(error)
        finally:
            self._idle.put(process)


@contextmanager
def process_pool(processes: int | None) -> Iterator[ProcessPool | None]:
    """So many processes for a while, in which nothing is waited for at the end; or none."""
    if processes is None:
        yield None
        return
    pool = ProcessPool(processes)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Call(Future[T]):
    """A call of a function, which takes the process along that executes it when it is cancelled."""

    def __init__(self, function: Callable[[], T]) -> None:
        super().__init__()
        self._function = function
        self._guard = Lock()  # whoever kills the process knows that it executes this call
        self._process: ProcessPoolExecutor | None = None
        self._is_killed = False

    def cancel(self) -> bool:
        """False, as ever, if it was executed already; but then it ends at once."""
        with self._guard:
            if self._process is not None:
                self._is_killed = True
                _kill(self._process)
            return super().cancel()

    def run_in(self, process: ProcessPoolExecutor) -> ProcessPoolExecutor:
        """Execute the function, and return the process that can execute the next one."""
        with self._guard:
            if not self.set_running_or_notify_cancel():
                return process
            try:
                future = process.submit(self._function)
            except BrokenProcessPool:  # it died while it had nothing to do
                process = _new_process()
                future = process.submit(self._function)
            self._process = process
        error = future.exception()
        with self._guard:
            self._process = None
        if self._is_killed or isinstance(error, BrokenProcessPool):
            process = _new_process()
        if error is None:
            self.set_result(future.result())
        elif isinstance(error, BrokenProcessPool):
            died = ProcessDied("the process that executed the step has died")
            died.__cause__ = error
            self.set_exception(died)
        else:
            self.set_exception(error)
        return process


def _kill(pool: ProcessPoolExecutor) -> None:
    """What kill_workers does in Python 3.14: a function that hangs may hold the GIL, too."""
    for process in list(pool._processes.values()):
        process.kill()


def _new_process() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin)


def _block_interrupts() -> None:
    """In a thread that starts processes: they have SIGINT blocked from their first moment on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _begin() -> None:
    """In a new process: Ctrl-C is for the worker, which decides what becomes of its steps."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A process whose worker was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
