"""docs/logging.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

import stepgres
from stepgres.cli.run_views import progress_text
from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.pages import DOCS, blocks, run_psql, run_python

PAGE = DOCS / "logging.md"


def run(db: Database, monkeypatch: pytest.MonkeyPatch, heading: str) -> tuple[dict[str, Any], str]:
    """What the examples under a heading define, and what they print."""
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names, printed = run_python(PAGE, heading)
    return names, "".join(printed)


def test_logs_of_steps(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    names, printed = run(db, monkeypatch, "Logs of steps")
    assert f"```\n{printed}```" in PAGE.read_text(encoding="utf-8")
    query = next(text for text in blocks(PAGE, "sql") if "list_logs" in text)
    shown = run_psql(db.dsn, f"\\set run_id {names['run_id']}\n{query}")
    assert "|warning|it is a card for tests|" in shown
    script = next(text for text in blocks(PAGE, "sh") if "stepgres logs" in text)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("run", str(names["run_id"]))
    result = subprocess.run(["sh", "-e"], input=script, text=True, check=True, capture_output=True)
    assert "INFO charging card 0" in result.stdout
    assert '"level": "warning"' in result.stdout


def test_progress_of_a_step(
    db: Database,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names, _ = run(db, monkeypatch, "")
    with stepgres.Client(db.dsn) as client:
        client.register_workflow(stepgres.describe(names["Import"]).document)
        run_id = client.start_workflow_run("import", {"pages": 2000})
        item = engine.claim_one()
        progress = {"done": 1500, "total": 2000, "message": "reading pages"}
        tasks = [{**item.key, "run_id": str(item.run_id), "progress": progress}]
        engine.items("heartbeat", worker_id="worker", tasks=Jsonb(tasks))
        names["progress_of"].__globals__["client"] = client
        names["progress_of"](run_id)
        shown = progress_text(client.get_run(run_id).steps[0])
    assert capsys.readouterr().out == "read 0 1500 2000 reading pages\n"
    assert f"`{shown}`" in PAGE.read_text(encoding="utf-8")
    with stepgres.Client(db.dsn) as client:
        assert stepgres.Executor(client).execute(names["Import"], {"pages": 3}).output == "read"
