"""Standard streams that are closed, or full: what was asked for is done, and no traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stepgres import Client
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.workers import STEPGRES


def run(dsn: str, command: str) -> tuple[int, str]:
    """The exit code and standard error of a command in a shell, with its redirections."""
    result = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "STEPGRES_DSN": dsn, "PATH": f"{Path(STEPGRES).parent}:/bin:/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stderr


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    engine.define("order", step("fetch"))


@pytest.mark.parametrize("command", ["runs start order", "runs list", "runs list --json", "queues"])
def test_closed_standard_output_is_no_error(db: Database, client: Client, command: str) -> None:
    client.start_workflow_run("order", {})
    assert run(db.dsn, f"stepgres {command} >&-") == (0, "")


@pytest.mark.parametrize("command", ["runs list", "runs list --json", "runs list -q", "queues"])
def test_full_disk_is_an_error_of_its_own(db: Database, client: Client, command: str) -> None:
    client.start_workflow_run("order", {})
    code, error = run(db.dsn, f"stepgres {command} >/dev/full")
    assert code == 6
    assert error == "Error: the output cannot be written: No space left on device\n"


def test_reader_that_has_gone_does_not_make_a_run_look_failed(db: Database, client: Client) -> None:
    client.start_workflow_runs("order", list(range(2000)))
    code, error = run(db.dsn, "{ stepgres runs list -q; echo $? >&2; } | head -n 1")
    assert (code, error.splitlines()[-1]) == (0, "6")
    assert "Traceback" not in error


def test_closed_standard_input_is_refused(db: Database) -> None:
    code, error = run(db.dsn, "stepgres runs start order --input - <&-")
    assert code == 2
    assert "standard input is closed" in error
