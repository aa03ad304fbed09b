"""docs/tracing.md: what it shows works, in Python and in psql."""

from __future__ import annotations

import os
import subprocess
import sys

import stepgres
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql
from tests.support.steps import Echo

PAGE = DOCS / "tracing.md"


def test_spans_of_a_run_are_under_those_of_the_request(db: Database) -> None:
    (program,) = blocks(PAGE, "python")  # in a process of its own, which has one provider
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}\nclient.close()"],
        env={**os.environ, "STEPGRES_DSN": db.dsn},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert f"```\n{shown.stdout}```" in PAGE.read_text(encoding="utf-8")


def test_run_started_in_sql_is_traced(db: Database) -> None:
    (start,) = blocks(PAGE, "sql")
    document = {**stepgres.describe(Echo).document, "workflow_slug": "order"}
    with stepgres.Client(db.dsn) as client:
        client.register_workflow(document)
        run_psql(db.dsn, start)
        (run,) = client.list_workflow_runs()
        found = client.get_traceparents([run.run_id], [document["steps"][0]["step_slug"]])
    assert found == [["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]]
