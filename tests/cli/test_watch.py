"""stepgres watch, and --wait."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE
from typing import Any
from uuid import UUID

import pytest
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from stepgres import Client, StuckStep
from stepgres.cli import watching
from tests.conftest import Database
from tests.support.cli import Cli, on_terminal
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import STEPGRES, running_worker
from tests.support.workflows import fail, workflow


@contextmanager
def watched(db: Database, engine: Engine, *arguments: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that watches a run; it is told of the end from when the block begins."""
    process = subprocess.Popen(
        [STEPGRES, *map(str, arguments), "--dsn", db.dsn],
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or engine.rows("select from stepgres.subscribers")
        )
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_watch_ends_with_the_run_and_prints_its_output(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"), step("each", "a", map=True), step("b", "each"))
    run_id = engine.start("order", {})
    with watched(db, engine, "watch", run_id) as process:
        engine.drain({"a": lambda _: [1, 2], "each": lambda n: n + 1, "b": lambda i: i["each"]})
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, json.loads(stdout)) == (0, [2, 3])
    assert stderr.splitlines()[-1] == f"run {run_id}: completed"
    assert "b: completed in" in stderr
    assert engine.rows("select from stepgres.subscribers") == []


def test_watch_of_a_run_that_fails_ends_with_1(db: Database, engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", {})
    with watched(db, engine, "watch", run_id) as process:
        engine.fail(engine.claim_one(), "no luck")
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (1, "")
    error, hint = stderr.splitlines()[-2:]
    assert error == f'Error: run {run_id} failed: step "a" failed: no luck'
    assert hint == f"Hint: stepgres runs show {run_id} tells more."


def test_watch_shows_pauses_and_ends_with_a_cancelled_run(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.call("pause_workflow_run", run_id=run_id)
    with watched(db, engine, "watch", run_id, "--json") as process:
        engine.call("cancel_workflow_run", run_id=run_id, reason="enough")
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, json.loads(stdout)["error"]) == (1, "enough")
    assert stderr.splitlines()[-1] == f"run {run_id}: cancelled"


def test_watch_of_a_run_that_has_ended(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: {"é": 1}})
    result = cli("watch", run_id)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"é": 1})
    document = json.loads(cli("watch", run_id, "--json").stdout)
    assert (document["status"], document["output"]) == ("completed", {"é": 1})


def test_watch_says_why_nothing_happens(
    cli: Cli, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.define("order", step("a", queue="far"), step("b", "a"))
    run_id = engine.start("order", {})
    answers = []

    def why_stuck_and_cancel(client: Client, run_id: UUID) -> list[StuckStep]:
        answers.append(why_stuck(client, run_id))
        if len(answers) == 2:
            client.cancel_workflow_run(run_id)
        return answers[-1]

    why_stuck = Client.why_stuck
    monkeypatch.setattr(Client, "why_stuck", why_stuck_and_cancel)
    monkeypatch.setattr("stepgres.cli.watching._LOOK_INTERVAL", 0)
    lines = cli("watch", run_id).stderr.splitlines()
    assert lines[:3] == [
        "a: started, 1 queued",
        f"run {run_id}: started",
        'a waits for queue: no live worker takes from queue "far"',
    ]
    assert len(set(lines)) == len(lines)


def test_watch_says_what_a_run_waits_for(db: Database, engine: Engine) -> None:
    durable = engine.colleague("durable", features=["durable"])
    engine.define("leaf", step("a", wait_for="never"))
    engine.define(
        "order",
        step("ask", approval={"title": "Ship it?"}),
        step("paid", wait_for="payment"),
        step("leaf", workflow="leaf"),
        step("nap", durable=True),
        step("talk", durable=True),
    )
    run_id = engine.start("order")
    nap, talk = sorted(durable.claim(), key=lambda item: item.step_slug)
    waits = [
        nap.operation("sleep", kind="sleep", seconds=86400),
        talk.operation("signal hello", kind="signal", signal="hello"),
    ]
    engine.call("save_checkpoints", worker_id="durable", waits=Jsonb(waits))
    ids = dict(engine.rows("select step_slug, wait_id from stepgres.waits where name <> ''"))
    assert durable.work([nap.suspended(ids["nap"]), talk.suspended(ids["talk"])]) == []
    (child,) = engine.rows("select run_id from stepgres.runs where workflow_slug = 'leaf'")
    with watched(db, engine, "watch", run_id) as process:
        assert process.stderr is not None
        lines = {process.stderr.readline().strip() for _ in range(6)}
        assert lines == {
            "ask: started, waits for approval Ship it?",
            "paid: started, waits for signal payment",
            f"leaf: started, 1 waiting, waits for child run {child}",
            "nap: started, 1 waiting, waits for sleep",
            "talk: started, 1 waiting, waits for signal hello",
            f"run {run_id}: started",
        }
        engine.call("send_signal", run_id=run_id, signal="payment")
        engine.call("tick")
        assert process.stderr.readline().startswith("paid: completed in")
    engine.call("cancel_workflow_run", run_id=run_id)


def test_who_may_only_look_can_watch(cli: Cli, db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.connection.execute("create role looker login")
    engine.connection.execute("grant usage on schema stepgres to looker")
    for function in ("get_run", "why_stuck"):
        grant = f"grant execute on function stepgres.{function} to looker"
        engine.connection.execute(grant.encode())
    dsn = make_conninfo(db.dsn, user="looker")
    process = subprocess.Popen([STEPGRES, "watch", str(run_id), "--dsn", dsn], stderr=PIPE)
    assert process.stderr is not None
    assert b"a: started" in process.stderr.readline()
    engine.drain()
    assert b"run %s: completed" % str(run_id).encode() in process.stderr.read()
    assert process.wait(PATIENCE) == 0
    process.stderr.close()
    engine.connection.execute("drop owned by looker; drop role looker")


def test_start_and_retry_wait_for_the_end(db: Database, cli: Cli) -> None:
    flow = workflow(("double", lambda n: 2 * n))
    with running_worker(db.dsn, flow, workflow(("no", fail), slug="failing")):
        result = cli("runs", "start", "demo", "--input", "21", "--wait")
        assert (result.exit_code, result.stdout) == (0, "42\n")
        result = cli("runs", "start", "failing", "--wait", "--json")
        failed = json.loads(result.stdout)
        assert (result.exit_code, failed["failed_step"]) == (1, "no")
        result = cli("runs", "retry", failed["run_id"], "--wait")
        assert (result.exit_code, result.stdout) == (1, "")
        new_id = UUID(result.stderr.splitlines()[0])  # before anything is waited for
        assert f"run {new_id} failed" in result.stderr
        result = cli("runs", "retry", failed["run_id"], "--wait", "--json")
        assert json.loads(result.stdout)["retried_from"] == failed["run_id"]


@pytest.mark.parametrize("has_rich", [True, False])
def test_terminal_shows_live_bars_where_rich_is_installed(
    db: Database, engine: Engine, has_rich: bool
) -> None:
    slugs = [f"step_{n}" for n in range(50)]
    engine.define("order", *map(step, slugs))
    run_id = engine.start("order", {})
    engine.drain()
    drawn = on_terminal(db.dsn, "watch", run_id, has_rich=has_rich)
    assert ("\x1b[" in drawn) is has_rich
    assert ("━" in drawn) is has_rich
    assert ("completed, 50 of 50 steps" in drawn) is has_rich
    # as many bars as the terminal has lines for; the others are lines
    assert [f"{slug} " in drawn for slug in ("step_0", "step_49")] == [has_rich, False]
    assert ("step_49: completed" in drawn) is not has_rich


def test_watch_and_show_tell_the_progress_of_steps(
    client: Client, engine: Engine, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.define("order", step("a"), step("each", map=True))
    run_id = engine.start("order", [1, 2])
    items = engine.claim()

    def report(place: int, **progress: Any) -> None:
        item = items[place]
        tasks = [{**item.key, "run_id": str(item.run_id), "progress": progress}]
        engine.items("heartbeat", worker_id="worker", tasks=Jsonb(tasks))

    def shown_by_watch() -> list[str]:
        lines.show(client.get_run(run_id), [])
        return capsys.readouterr().err.splitlines()

    lines = watching._Lines()
    shown_by_watch()
    report(0, done=1500, total=2000, message="reading")
    report(2, done=7)
    shown = cli("runs", "show", run_id).stdout
    assert "1,500 of 2,000 (75%), reading" in shown
    assert "task 1: 7" in shown
    assert [line for line in shown_by_watch() if line.startswith("a: ")] == [
        "a: started, 1 started, 1,500 of 2,000 (75%), reading"
    ]
    report(0, done=1501, total=2000, message="reading")
    assert shown_by_watch() == []
    report(0, done=1900, total=2000, message="reading")
    assert shown_by_watch() == ["a: started, 1 started, 1,900 of 2,000 (95%), reading"]
    report(0, done=1900, total=2000, message="writing")
    assert shown_by_watch() == ["a: started, 1 started, 1,900 of 2,000 (95%), writing"]
