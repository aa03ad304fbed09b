"""docs/lifecycle.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import stepgres
from tests.conftest import Database
from tests.support.servers import find_psql

PAGE = Path(__file__).parents[2] / "docs/lifecycle.md"


def blocks() -> list[tuple[str, str, str]]:
    """The examples as (heading, language, text)."""
    heading, found = "", []
    text = PAGE.read_text(encoding="utf-8")
    for match in re.finditer(
        r"^#+ ([^\n]*)$|^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    ):
        heading = match[1] or heading
        if match[2]:
            found.append((heading, match[2], match[3]))
    return found


class Reader:
    """Somebody who tries one example after the other, all of them on the same run."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.names: dict[str, Any] = {}

    def try_python(self, text: str) -> str:
        exec(compile(text, PAGE, "exec"), self.names)
        return ""

    def try_sql(self, text: str) -> str:
        options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "-v", "ON_ERROR_STOP=1"]
        options += [f"--set=run_id={self.names['run_id']}", f"--dbname={self.dsn}"]
        return self._run([str(find_psql()), *options], text)

    def try_sh(self, text: str) -> str:
        return self._run(["sh", "-e"], text)

    def _run(self, command: list[str], text: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "run": str(self.names["run_id"])}
        result = subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True
        )
        assert (result.returncode, result.stderr) == (0, ""), text
        return result.stdout


def test_examples_work_one_after_the_other(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    reader = Reader(db.dsn)
    printed: dict[tuple[str, str], str] = {}
    for heading, language, text in blocks():
        printed[heading, language] = getattr(reader, f"try_{language}")(text)
    reader.names["client"].close()
    run_id: UUID = reader.names["run_id"]

    started = {printed["Starting", language].strip() for language in ("sql", "sh")}
    assert started == {str(run_id)}
    for language in ("sql", "sh"):
        assert str(run_id) in printed["Finding and looking", language]
        assert "start" in printed["Why does it not go on?", language]
    assert client.get_run(run_id).error == "the customer has changed his mind"
    retries = [run for run in client.list_workflow_runs() if run.retried_from == run_id]
    assert sorted(run.status for run in retries) == ["completed", "started", "started", "started"]
    paused = [run for run in retries if run.paused_at is not None]
    assert len(paused) == 3


def test_step_that_starts_runs_starts_each_of_them_once(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    reader = Reader(db.dsn)
    for heading, language, text in blocks():
        if language == "python" and heading.startswith("Runs"):
            reader.try_python(text)
    reader.names["client"].close()
    order_all = reader.names["order_all"]

    def fail_once(input: Any, context: Any) -> None:
        order_all(input, context)
        if context.attempt == 1:
            raise stepgres.RetryAfter(0)

    flow = type("All", (stepgres.Workflow,), {"order_all": staticmethod(stepgres.step(fail_once))})
    parent = stepgres.Executor(client).execute(flow, {"users": [1, 2]}).run_id
    children = client.list_workflow_runs(workflow_slug="order")
    assert [run.input for run in children] == [{"user": 2}, {"user": 1}]
    assert {run.parent_run_id for run in children} == {parent}
