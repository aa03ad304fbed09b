"""Nothing that a test waits for can hang the whole run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.support import waiting
from tests.support.waiting import PATIENCE, join, wait_until
from tests.support.workers import ROOT


def run(path: Path, test: str) -> str:
    """What pytest prints for a test that fails, when it has little patience."""
    (path / "test_it.py").write_text(f"import pytest, threading\n\n{test}")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.bounds", "--rootdir", path, path],
        env={**os.environ, "STEPGRES_TEST_PATIENCE": "0.2"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    printed = str(result.stdout)
    assert result.returncode == 1, printed
    return printed


def test_wait_that_is_too_long_says_what_it_waited_for_and_saw_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.01)
    rows = [1, 2]
    with pytest.raises(AssertionError, match=r"0.01 s for wait_until\(lambda: rows, .* \[1, 2\]$"):
        wait_until(lambda: rows, lambda rows: len(rows) > 2)
    with pytest.raises(AssertionError, match="for a miracle; the last answer was None"):
        wait_until(lambda: None, what="a miracle")


def test_join_that_is_too_long_shows_where_the_thread_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.01)
    event = Event()
    thread = Thread(target=event.wait, name="the sleeper")
    thread.start()
    with pytest.raises(AssertionError, match=r"(?s)the end of the sleeper.*threading\.py"):
        join(thread)
    event.set()
    join(thread)


def test_test_that_hangs_fails_and_shows_all_stacks(tmp_path: Path) -> None:
    printed = run(
        tmp_path,
        "def test_hang():\n"
        "    threading.Thread(target=aside, daemon=True).start()\n"
        "    threading.Event().wait()\n"
        "def aside():\n"
        "    threading.Event().wait()\n"
        "def test_next():\n"
        "    pass\n",
    )
    assert "test_it.py::test_hang has not ended within 1 s" in printed
    assert "in aside" in printed
    assert "1 failed, 1 passed" in printed


def test_test_that_hangs_again_while_it_is_closed_ends_too(tmp_path: Path) -> None:
    printed = run(
        tmp_path,
        "@pytest.fixture\n"
        "def stubborn():\n"
        "    yield\n"
        "    threading.Event().wait()\n"
        "def test_hang(stubborn):\n"
        "    threading.Event().wait()\n",
    )
    assert "1 failed, 1 error" in printed


def test_process_whose_threads_never_end_ends(tmp_path: Path) -> None:
    printed = run(
        tmp_path,
        "def test_leave_a_thread():\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    assert False\n",
    )
    assert "1 failed" in printed
    assert "Timeout (0:00:00.2" in printed
