"""docs/goals.md: its examples work one after the other, and print what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import stepgres
from tests.conftest import Database
from tests.support.servers import find_psql

PAGE = Path(__file__).parents[2] / "docs/goals.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_python_examples_work_one_after_the_other(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names: dict[str, Any] = {}
    printed = []
    for text in blocks("python"):
        exec(compile(text, PAGE, "exec"), names)
        printed.append(capsys.readouterr().out)
    names["client"].close()

    build, nested, approved, model, agent, several = printed
    assert build == "after for those of: Build user authentication system\n"
    assert nested == "['api', 'tables']\n"
    assert re.match(r"htdag_\w+ decomposed \['design', 'clients', 'review'\]\nflowchart", approved)
    assert model == "['search', 'answer']\n"
    assert agent == "{'turn_1': 1, 'turn_2': 2, 'turn_3': 3}\n"
    assert several.splitlines()[0].startswith("{'Build the shop': ['api', 'tables']")


def test_sql_example_works(db: Database, client: stepgres.Client) -> None:
    (text,) = blocks("sql")
    command = [str(find_psql()), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", f"--dbname={db.dsn}"]
    subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    (run,) = client.list_workflow_runs()
    assert run.input == {"goal": "Build it", "user": 7}
