"""docs/lifecycle.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import stepgres
from tests.conftest import Database
from tests.support.pages import DOCS, examples, psql

PAGE = DOCS / "lifecycle.md"


class Reader:
    """Somebody who tries one example after the other, all of them on the same run."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.names: dict[str, Any] = {}

    def try_python(self, text: str) -> str:
        exec(compile(text, PAGE, "exec"), self.names)
        return ""

    def try_sql(self, text: str) -> str:
        return self._run(psql(self.dsn, f"--set=run_id={self.names['run_id']}"), text)

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
    for heading, language, text in examples(PAGE):
        output = getattr(reader, f"try_{language}")(text)
        printed[heading, language] = printed.get((heading, language), "") + output
    reader.names["client"].close()
    run_id: UUID = reader.names["run_id"]

    started = {printed["Starting a run", language].strip() for language in ("sql", "sh")}
    assert started == {str(run_id)}
    for language in ("sql", "sh"):
        assert str(run_id) in printed["Finding runs and their status", language]
        assert "start" in printed["Why does a run not go on?", language]
    assert client.get_run(run_id).error == "the customer has changed his mind"
    runs = client.list_workflow_runs()
    retries = [run for run in runs if run.retried_from == run_id]
    assert sorted(run.status for run in retries) == ["completed", "failed", "failed", "failed"]
    cancelled = {run.run_id for run in retries if run.cancelled_at is not None}
    assert len(cancelled) == 3  # by their tag, and retried together after that
    again = [run for run in runs if run.retried_from in cancelled]
    assert [run.status for run in again] == ["started"] * 3


def test_step_that_starts_runs_starts_each_of_them_once(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    reader = Reader(db.dsn)
    for heading, language, text in examples(PAGE):
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
