"""A plugin of pytest that bounds the time of each test, so that none can hang.

A test that takes too long fails where it stands, and the stacks of all threads are printed. The
alarm rings again while the fixtures of the test are closed. As a last resort the process ends.
Tests that are terminated close their fixtures too, so that no server is left behind.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Generator

import pytest

from tests.support.waiting import PATIENCE

_BOUND = 5 * PATIENCE  # a test may wait several times


def pytest_configure() -> None:
    def terminate(*_: object) -> None:
        pytest.exit("terminated", returncode=128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, terminate)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    def ring(*_: object) -> None:
        faulthandler.dump_traceback(sys.stderr)
        # no Exception, so that a loop which goes on after errors ends too
        pytest.fail(f"{item.nodeid} has not ended within {_BOUND:g} s (STEPGRES_TEST_PATIENCE)")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _BOUND, PATIENCE)
    _exit_after(_BOUND + 5 * PATIENCE)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pytest_unconfigure() -> None:
    """At its end a process waits for its threads."""
    _exit_after(PATIENCE)


def _exit_after(seconds: float) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)
