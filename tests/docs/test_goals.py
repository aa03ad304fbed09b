"""docs/goals.md: its examples work one after the other, and print what it says."""

from __future__ import annotations

import re

import pytest

import stepgres
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.waiting import wait_until
from tests.support.workers import running_worker

PAGE = DOCS / "goals.md"


def test_python_examples_work_one_after_the_other(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names, printed = run_python(PAGE)
    build, nested, approved, workers, model, agent, _, several = printed
    assert build == "after for those of: Build user authentication system\n"
    assert nested == "['api', 'tables']\n"
    assert re.match(r"htdag_\w+ decomposed \['design', 'clients', 'review'\]\nflowchart", approved)
    assert workers == "Review it all: done\n"
    assert model == "['search', 'answer']\n"
    assert agent == "{'turn_1': 1, 'turn_2': 2, 'turn_3': 3}\n"
    assert several.splitlines()[0].startswith("{'Build the shop': ['api', 'tables']")
    with running_worker(db.dsn, step_functions={name: names[name] for name in ("plan", "buy")}):
        (found,) = wait_until(lambda: client.list_approvals("ann"))
        client.approve(found.wait_id, decided_by="ann")
        assert client.wait_for_run(names["shopping_run"]).output == "receipt 7"


def test_sql_example_works(db: Database, client: stepgres.Client) -> None:
    (text,) = blocks(PAGE, "sql")
    run_psql(db.dsn, text)
    (run,) = client.list_workflow_runs()
    assert run.input == {"goal": "Build it", "user": 7}
