"""docs/messages.md: what it shows works, in Python and in psql."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.support.servers import find_psql

PAGE = Path(__file__).parents[2] / "docs/messages.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_examples_in_python(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names: dict[str, Any] = {}
    for text in blocks("python"):
        exec(compile(text, PAGE, "exec"), names)
    names["client"].close()
    printed = capsys.readouterr().out.splitlines()
    assert f"prints `{printed[0]}`." in PAGE.read_text(encoding="utf-8")
    assert "10" in printed
    assert "1 {'order': 7, 'status': 'paid'}" in printed


def test_examples_in_sql(db: Database) -> None:
    command = [str(find_psql()), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
    command += ["-v", "ON_ERROR_STOP=1", f"--dbname={db.dsn}"]
    text = "".join(blocks("sql"))
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line for line in result.stdout.splitlines() if not line.startswith("Async")]
    assert lines[:2] == ["1", '1|{"order": 11, "status": "paid"}']
    assert lines[3:5] == ['1|{"order": 11, "status": "paid"}', "t"]
    assert "somebody looks at order 11" in result.stdout
