"""The last service of compose.yaml, with a worker that is not in a container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


def test_example_is_executed_by_workers(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("x = x + 1\n", encoding="utf-8")
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    program = Path(sys.executable).with_name("stepgres")
    worker = subprocess.Popen([program, "worker", "examples.corpus.workflow:Corpus"], cwd=ROOT)
    try:
        run: list[str | Path] = [sys.executable, ROOT / "docker/example/run", tmp_path]
        result = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    finally:
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    assert (result.returncode, result.stderr) == (0, "")
    assert dict(line.split() for line in result.stdout.splitlines())["files"] == "1"
    with db.connect() as connection:
        query = "select distinct execution, executor_id from stepgres.runs join stepgres.steps"
        rows = connection.execute(f"{query} using (workflow_slug, version)".encode())
        assert rows.fetchall() == [("local", None)]
