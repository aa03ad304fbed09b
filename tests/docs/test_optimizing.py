"""The examples of docs/optimizing.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python

PAGE = DOCS / "optimizing.md"


def test_examples_work_one_after_the_other(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    _, (statistics, recommended, optimized) = run_python(PAGE)
    text = PAGE.read_text(encoding="utf-8")
    assert re.fullmatch(r"fetch 20 0 0:\S+ 0:\S+\nwrite 20 0 0:\S+ 0:\S+\n", statistics)
    seconds = re.compile(r"[0-9.]+ s$", re.MULTILINE)
    assert f"```\n{seconds.sub('', recommended)}```" in seconds.sub("", text)
    assert f"prints `{optimized.strip()}`" in text

    run_psql(db.dsn, *blocks(PAGE, "sql"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    subprocess.run(["sh", "-e"], input=blocks(PAGE, "sh")[0], text=True, check=True)
