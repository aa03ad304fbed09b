"""docs/logging.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
import structlog
from psycopg.types.json import Jsonb

import stepgres
from stepgres.cli.run_views import progress_text
from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.orm import sqlalchemy_url
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.steps import Echo
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_process
from tests.support.workflows import workflow

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


def execute(db: Database, flow: Any, input: Any, **options: Any) -> tuple[Any, Any]:
    """The run of a workflow that a worker with these options executes, and its status."""
    with stepgres.Client(db.dsn) as client, running_worker(db.dsn, flow, **options):
        (run_id,) = register_and_start(client, flow, [input])
        status = wait_until(
            lambda: (found := client.get_run_status(run_id)).status != "in_progress" and found
        )
        return run_id, status


def test_hooks_are_called_around_steps(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names, _ = run(db, monkeypatch, "")
    capsys.readouterr()
    hooks = {name: names[name] for name in ("on_start", "on_stop", "middleware")}
    execute(db, names["Import"], {"pages": 1}, **hooks)
    assert capsys.readouterr().out.splitlines() == [
        "open what the steps share",
        "before read",
        "after read",
        "close it",
    ]
    with stepgres.Client(db.dsn) as client:
        names["make_worker"].__globals__["client"] = client
        assert isinstance(names["make_worker"]([names["Import"]]), stepgres.Worker)


def test_command_line_finds_hooks(db: Database, client: stepgres.Client) -> None:
    (script,) = (text for text in blocks(PAGE, "sh") if "--on-start" in text)
    words = shlex.split(script.replace("\\\n", "").replace("myapp.hooks", "tests.support.steps"))
    with worker_process(db.dsn, "Echo", options=tuple(words[3:])) as worker:
        (run_id,) = register_and_start(client, Echo, [7])
        assert client.wait_for_run(run_id, timeout=60).output == ["started", 7]
        worker.signal(signal.SIGTERM)
        code, stderr = worker.end()
    assert code == 0
    assert "the hook on_stop was called" in stderr


def test_session_for_each_step(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    names, _ = run(db, monkeypatch, "")
    monkeypatch.setenv("APP_DSN", sqlalchemy_url(db.dsn).render_as_string())
    with db.connect() as connection:
        connection.execute("create table users (name text unique)")
        hooks = {"on_start": names["open_pool"], "on_stop": names["close_pool"]}
        hooks["middleware"] = names["in_session"]
        for outcome in ("completed", "failed"):  # the second one breaks the rule of the table
            _, status = execute(db, names["Signup"], {"name": "Ann"}, **hooks)
            assert status.status == outcome
        assert connection.execute("select name from users").fetchall() == [("Ann",)]


def test_errors_go_to_sentry(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.append(envelope.get_event())

    sent: list[Any] = []
    names, _ = run(db, monkeypatch, "")

    def charge(input: Any) -> None:
        raise stepgres.NonRetryable("no card")

    async def charge_on_the_loop(input: Any) -> None:
        charge(input)

    hooks = [names["report_to_sentry"], names["report_async_to_sentry"]]
    sentry_sdk.init("https://key@localhost/1", transport=Kept, default_integrations=False)
    try:
        for function in (charge, charge_on_the_loop):
            execute(db, workflow(("charge", function)), None, middleware=hooks)
    finally:
        sentry_sdk.init()
    assert [event["tags"] for event in sent] == [{"workflow": "demo", "step": "charge"}] * 2
    errors = [[value["value"] for value in event["exception"]["values"]] for event in sent]
    assert errors == [["no card"]] * 2
    assert sent[0]["contexts"]["stepgres"]["attempt"] == 1


def test_structlog_names_run_and_step(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    names, _ = run(db, monkeypatch, "")
    hooks = [names["bind_task"], names["bind_async_task"]]
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        run_id, _ = execute(db, names["Shipment"], {"parcel": 7}, middleware=hooks)
    assert [(line["event"], line["step"], line["parcel"]) for line in lines] == [
        ("packing", "pack", 7),
        ("sending", "send", 7),
    ]
    assert {line["run_id"] for line in lines} == {str(run_id)}
