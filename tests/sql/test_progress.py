"""The progress of started tasks: what heartbeats report, get_run shows and subscribers get."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, refused, step


def report(worker: Engine, item: WorkItem, *, claim: int | None = None, **progress: Any) -> None:
    key = {**item.key, "run_id": str(item.run_id), "claim": claim or item.claim}
    tasks = Jsonb([{**key, "progress": progress}])
    worker.items("heartbeat", worker_id=worker.worker_id, tasks=tasks)


def shown(engine: Engine, run_id: UUID) -> list[Any]:
    """The progress that get_run shows: task, done, total and message."""
    (step,) = engine.call("get_run", run_id=run_id)["steps"]
    return [
        (progress["task_index"], progress["done"], progress["total"], progress["message"])
        for progress in step["progress"]
    ]


def start(engine: Engine, input: Any = None, **options: Any) -> UUID:
    engine.define("order", step("a", base_delay=0, **options))
    return engine.start("order", input)


def sweep(engine: Engine) -> None:
    engine.rows("delete from stepgres.sweeps returning 1")
    engine.call("tick")


def test_get_run_shows_the_last_report_of_each_started_task(engine: Engine) -> None:
    run_id = start(engine, [1, 2, 3], map=True)
    first, second, _ = engine.claim()
    report(engine, first, done=1, total=10, message="one")
    report(engine, first, done=2.5, total=10, message="two")
    report(engine, second, done=7, total=None, message=None)
    assert shown(engine, run_id) == [(0, 2.5, 10, "two"), (1, 7, None, None)]
    engine.complete(first)
    assert shown(engine, run_id) == [(1, 7, None, None)]


def test_report_counts_for_its_claim_and_worker_alone(engine: Engine) -> None:
    run_id = start(engine)
    item = engine.claim_one()
    report(engine, item, claim=2, done=1)
    report(engine.colleague("other"), item, done=1)
    assert shown(engine, run_id) == []
    report(engine, item, done=1)
    engine.fail(item)
    engine.call("tick")
    again = engine.claim_one()
    assert shown(engine, run_id) == []
    report(engine, item, done=5)
    assert shown(engine, run_id) == []
    report(engine, again, done=2)
    assert shown(engine, run_id) == [(0, 2, None, None)]


def test_sweep_deletes_the_progress_of_tasks_that_have_ended(engine: Engine) -> None:
    run_id = start(engine, [1, 2], map=True)
    first, second = engine.claim()
    for item in (first, second):
        report(engine, item, done=1)
    engine.complete(first)
    sweep(engine)
    assert engine.rows("select task_index from stepgres.task_progress") == [1]
    engine.call("cancel_workflow_run", run_id=run_id)
    engine.call("prune", older_than="0 s")
    assert engine.rows("select task_index from stepgres.task_progress") == []


def test_report_does_not_begin_the_timeout_anew(engine: Engine, clock: Clock) -> None:
    engine.call("register_worker", worker_id="worker", lease="60 s")
    start(engine, timeout=60, max_attempts=1)
    item = engine.claim_one()
    for _ in range(3):
        clock.advance(50)
        report(engine, item, done=1)
        sweep(engine)
    assert engine.rows("select error from stepgres.attempts") == [
        "TimeoutError: took longer than 60 s"
    ]


@pytest.mark.parametrize(
    "progress",
    [
        {},
        {"done": None},
        {"done": "1"},
        {"done": 1, "total": "2"},
        {"done": 1, "message": 7},
        {"total": 2},
    ],
)
def test_malformed_report_is_refused(engine: Engine, progress: Any) -> None:
    start(engine)
    item = engine.claim_one()
    with refused("SG003", "tasks[0]: progress is malformed"):
        report(engine, item, **progress)


def test_long_message_is_cut(engine: Engine) -> None:
    run_id = start(engine)
    report(engine, engine.claim_one(), done=1, message="x" * 1_000_000)
    ((_, _, _, message),) = shown(engine, run_id)
    assert len(message) == 1_000


def test_heartbeat_does_not_wait_for_the_end_of_the_task(engine: Engine, db: Database) -> None:
    run_id = start(engine)
    item = engine.claim_one()
    report(engine, item, done=1)
    with db.connect() as other, other.transaction():
        other.execute("delete from stepgres.task_progress")
        other.execute("select from stepgres.runs for update")
        engine.connection.execute("set lock_timeout = '5 s'")
        report(engine, item, done=2)
        assert shown(engine, run_id) == [(0, 1, None, None)]
    report(engine, item, done=3)
    assert shown(engine, run_id) == [(0, 3, None, None)]


def test_subscribers_are_told_of_reports(engine: Engine) -> None:
    run_id = start(engine)
    item = engine.claim_one()
    report(engine, item, done=1)
    assert engine.rows("select from stepgres.recent_events") == []
    engine.answer("add_subscriber", run_id=run_id, every_change=True)
    report(engine, item, done=2)
    rows = engine.rows(
        "select event_type, step_slug, task_index, attempt from stepgres.recent_events"
    )
    assert rows == [("task_progress", "a", 0, 1)]
