"""docs/goals.md: its examples work one after the other, and print what it says."""

from __future__ import annotations

import re

import pytest

import stepgres
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python

PAGE = DOCS / "goals.md"


def test_python_examples_work_one_after_the_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    _, printed = run_python(PAGE)
    build, nested, approved, workers, model, agent, several = printed
    assert build == "after for those of: Build user authentication system\n"
    assert nested == "['api', 'tables']\n"
    assert re.match(r"htdag_\w+ decomposed \['design', 'clients', 'review'\]\nflowchart", approved)
    assert workers == "Review it all: done\n"
    assert model == "['search', 'answer']\n"
    assert agent == "{'turn_1': 1, 'turn_2': 2, 'turn_3': 3}\n"
    assert several.splitlines()[0].startswith("{'Build the shop': ['api', 'tables']")


def test_sql_example_works(db: Database, client: stepgres.Client) -> None:
    (text,) = blocks(PAGE, "sql")
    run_psql(db.dsn, text)
    (run,) = client.list_workflow_runs()
    assert run.input == {"goal": "Build it", "user": 7}
