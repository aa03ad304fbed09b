"""docs/scheduling.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepgres import Client
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.workers import running_worker

PAGE = DOCS / "scheduling.md"


def test_examples(db: Database, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names, outputs = run_python(PAGE)
    printed = [line for line in "".join(outputs).splitlines() if line]
    assert len([line for line in printed if line.split()[1:2] == ["started"]]) == 5
    assert run_psql(db.dsn, blocks(PAGE, "sql")[0]) == "hourly_report\n3\n@hourly\n"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for text in blocks(PAGE, "sh"):
        subprocess.run(
            ["sh", "-e"], input=text, text=True, check=True, env={**os.environ, "PATH": path}
        )
    found = [schedule.schedule_slug for schedule in client.list_schedules()]
    assert found == ["hourly_report", "poll", "report"]
    assert client.get_schedule("report")["is_of_workflow"] is True
    with running_worker(db.dsn, names["Report"]):
        run = client.wait_for_run(names["run_id"], timeout=100)
    scheduled_at = client.get_scheduled_at(names["run_id"])
    assert scheduled_at is None  # its schedule was deleted
    assert str(run.output).startswith("report of ")
