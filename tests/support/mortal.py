"""A worker that dies once at each line of a function, and workers that take its place."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stepgres
from tests.support.waiting import join
from tests.support.workers import end_leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SOURCE = "mortal"
_processes = get_context("forkserver")


@contextmanager
def mortal_workers(
    dsn: str, text: str, workflows: list[str], function: str, deaths: Path
) -> Iterator[Callable[[], None]]:
    """Start a worker for workflows that a text in Python defines.

    The worker dies before it executes a line of the function for the first time, and adds the
    number of the line to the file of deaths. Call what is yielded to replace a worker that died.
    """
    arguments = (dsn, text, workflows, function, deaths)
    deaths.touch()
    workers: list[Any] = []

    def replace_the_dead() -> None:
        if not workers or not workers[-1].is_alive():
            end_leases(dsn)
            workers.append(_processes.Process(target=_work, args=arguments))
            workers[-1].start()

    try:
        yield replace_the_dead
    finally:
        for worker in workers:
            worker.terminate()
            join(worker)


def _work(dsn: str, text: str, workflows: list[str], function: str, deaths: Path) -> None:
    died_at = deaths.read_text().split()

    def die(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if (code.co_filename, code.co_name) != (_SOURCE, function):
            return None
        if event == "line" and str(frame.f_lineno) not in died_at:
            with deaths.open("a") as file:
                file.write(f"{frame.f_lineno}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return die

    names: dict[str, Any] = {}
    exec(compile(text, _SOURCE, "exec"), names)
    threading.settrace(die)
    sys.settrace(die)
    with stepgres.Client(dsn) as client:
        stepgres.Worker(client, [names[workflow] for workflow in workflows]).run()
