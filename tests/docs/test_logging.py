"""docs/logging.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
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
