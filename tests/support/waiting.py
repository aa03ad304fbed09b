"""Waiting for the work of threads, processes and servers: a wait has a bound, and no fixed length.

STEPGRES_TEST_PATIENCE stretches every bound: it is the time in seconds that one wait may take.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from threading import Thread
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")

PATIENCE = float(os.environ.get("STEPGRES_TEST_PATIENCE", "120"))
_PAUSE = 0.002  # leaves the processors to the work that is waited for


def wait_until(ask: Callable[[], T], enough: Callable[[T], object] = bool, *, what: str = "") -> T:
    """Ask until the answer is enough, and return it.

    The error after PATIENCE seconds says `what` was waited for, else quotes the question. It shows
    the last answer too. Ask for a state that lasts: a slow machine may miss one that passes.
    """
    end = monotonic() + PATIENCE
    while not enough(answer := ask()):
        if monotonic() > end:
            raise AssertionError(
                f"waited {PATIENCE:g} s for {what or _source(ask)}; the last answer was {answer!r}"
            )
        sleep(_PAUSE)
    return answer


def join(other: Thread | BaseProcess) -> None:
    """Wait until a thread or a process has ended; the error shows where a thread stands."""
    other.join(PATIENCE)
    if other.is_alive():
        frame = sys._current_frames().get(other.ident or 0) if isinstance(other, Thread) else None
        where = "".join(traceback.format_stack(frame)) if frame else ""
        raise AssertionError(f"waited {PATIENCE:g} s for the end of {other.name}\n{where}")


def _source(function: Callable[[], object]) -> str:
    """The lines of code that a function is written in."""
    try:
        lines, _ = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return repr(function)
    return " ".join(line.strip() for line in lines)
