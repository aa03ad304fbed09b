"""Execute `def` steps in processes. The death of a process fails only the step in it.

A step that exceeds its timeout is killed with its process, since a step that hangs would occupy
the process for ever.
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
    """The process that executed a step has died: killed, out of memory, or by its own exit."""


class ProcessPool(Executor):
    """Executes functions in a number of processes, and replaces a process that dies.

    Each process has its own pool, since the death of a process breaks its pool and fails all calls
    in the pool. Processes are spawned, since a process with threads cannot be forked safely.
    """

    def __init__(self, processes: int) -> None:
        # The tracker starts now, because its start unblocks the signals of the calling thread.
        resource_tracker.ensure_running()
        self._threads = ThreadPoolExecutor(processes, "process", initializer=_block_interrupts)
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(processes):
            self._idle.put(_new_process())

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Execute a function when a process is free. Raise ProcessDied if that process dies.

        Cancelling the future kills the process that executes the function, and starts a new one.
        """
        call = _Call(partial(fn, *args, **kwargs))
        turn = self._threads.submit(self._execute, call)
        turn.add_done_callback(lambda turn: turn.cancelled() and call.cancel())
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when their current calls have ended."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait, cancel_futures=cancel_futures)

    def _execute(self, call: _Call[Any]) -> None:
        process = self._idle.get()
        try:
            process = call.run_in(process)
        except BaseException as error:  # such as the failed start of a process
            call.set_exception(error)
        finally:
            self._idle.put(process)


@contextmanager
def process_pool(processes: int | None) -> Iterator[ProcessPool | None]:
    """Start a pool for the block, and do not wait for its calls at the end. None has no pool."""
    if processes is None:
        yield None
        return
    pool = ProcessPool(processes)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Call(Future[T]):
    """A call of a function. Cancelling the call kills the process that executes the function."""

    def __init__(self, function: Callable[[], T]) -> None:
        super().__init__()
        self._function = function
        self._guard = Lock()  # the process that is killed executes this call
        self._process: ProcessPoolExecutor | None = None
        self._is_killed = False

    def cancel(self) -> bool:
        """Cancel the call. Return False if the call has begun, and then kill its process."""
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
            except BrokenProcessPool:  # the process died while it was idle
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
    """Kill as kill_workers of Python 3.14 does, since a function that hangs may hold the GIL."""
    for process in list(pool._processes.values()):
        process.kill()


def _new_process() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin)


def _block_interrupts() -> None:
    """Block SIGINT in a thread that starts processes, so that the processes inherit the block."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _begin() -> None:
    """Begin a new process, which ignores Ctrl-C: the worker decides how its steps end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit when the worker has ended. Otherwise the process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
