"""docs/deploying.md: what it shows works, and workers are handed what it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Database
from tests.support.pages import DOCS, examples, run_psql

PAGE = DOCS / "deploying.md"


def test_examples_work_one_after_the_other(
    db: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names: dict[str, Any] = {}
    printed: dict[str, str] = {}
    for heading, language, text in examples(PAGE):
        if language == "python":
            exec(compile(text, PAGE, "exec"), names)
            printed[heading] = capsys.readouterr().out
        if heading == "Versions":
            make_run_that_waits_for_old_code(names["client"])
        if language == "sql":
            printed[heading] = run_psql(db.dsn, text)
    names["client"].close()
    assert printed == {
        "Versions": "1\n",
        "Renamed or removed steps": "2|t|0\n1|f|1\n",
        "Rolling back": "",
        "Workers in other languages": "shipping\n",
    }


def make_run_that_waits_for_old_code(client: Any) -> None:
    client.start_workflow_run("order", {})
    steps = [{"step_slug": "charge"}, {"step_slug": "deliver", "depends_on": ["charge"]}]
    version = client.register_workflow({"workflow_slug": "order", "steps": steps})
    client.register_worker("new", knows={"workflows": {"order": version}}, lease=86_400)
    (charge,) = client.claim_tasks("new", 10)
    client.complete_task("new", charge.run_id, "charge", "charged")
    assert client.claim_tasks("new", 10) == []


def test_stuck_step_is_shown_as_the_page_says(db: Database, monkeypatch: Any) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names: dict[str, Any] = {}
    shown = [example for example in examples(PAGE) if example.heading.startswith("Renamed")]
    exec(compile(examples(PAGE)[0].text, PAGE, "exec"), names)
    make_run_that_waits_for_old_code(names["client"])
    names["client"].close()
    (row,) = run_psql(db.dsn, shown[0].text).splitlines()
    assert " | ".join(row.split("|")) in PAGE.read_text("utf-8")
