"""Nothing that a test waits for can hang the whole run."""

from __future__ import annotations

import operator
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.support import waiting
from tests.support.servers import is_alive
from tests.support.waiting import PATIENCE, join, wait_until
from tests.support.workers import ROOT

_IMPORTS = """
import pathlib, pytest, threading
from tests.support import bounds

bounds._BOUND = 0.5
"""


def command(path: Path, test: str) -> list[str | Path]:
    """Runs pytest with a test that it finds in a directory."""
    (path / "test_it.py").write_text(_IMPORTS + test)
    return [sys.executable, "-m", "pytest", "-p", "tests.support.bounds", "--rootdir", path, path]


def run(path: Path, test: str) -> str:
    """What pytest prints for a test that fails, when it has little patience."""
    result = subprocess.run(
        command(path, test),
        env={**os.environ, "STEPGRES_TEST_PATIENCE": "4"},
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
    assert "test_it.py::test_hang has not ended within 0.5 s" in printed
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
    assert "Timeout (0:00:04" in printed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children of what was killed")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_server_ends_with_the_tests(tmp_path: Path, number: signal.Signals) -> None:
    test = f"""
from tests.support.servers import all_postgres

bounds._BOUND = 600

def test_server():
    with all_postgres()[0].cluster() as cluster:
        cluster.start()
        found = pathlib.Path({str(tmp_path / "found")!r})
        found.with_suffix(".new").write_text(f"{{cluster.server.pid}} {{cluster.directory}}")
        found.with_suffix(".new").rename(found)
        threading.Event().wait()
"""
    process = subprocess.Popen(command(tmp_path, test), cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_until((tmp_path / "found").exists)
    pid, directory = (tmp_path / "found").read_text().split()
    process.send_signal(number)
    assert process.wait(PATIENCE) == (143 if number == signal.SIGTERM else -number)
    wait_until(lambda: is_alive(int(pid)), operator.not_)
    assert Path(directory).exists() == (number == signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)
