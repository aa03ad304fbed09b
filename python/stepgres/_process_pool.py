"""Processes for `def` steps: one that dies takes its own step along, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

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
        """Execute a function when a process is free; ProcessDied if that dies of it."""
        return self._threads.submit(lambda: self._call(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when they have done what they are doing."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait, cancel_futures=cancel_futures)

    def _call(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        process = self._idle.get()
        try:
            try:
                future = process.submit(function, *arguments, **options)
            except BrokenProcessPool:  # it died while it had nothing to do
                process = _new_process()
                future = process.submit(function, *arguments, **options)
            return future.result()
        except BrokenProcessPool as error:
            process = _new_process()
            raise ProcessDied("the process that executed the step has died") from error
        finally:
            self._idle.put(process)


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
