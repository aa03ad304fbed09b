"""Paused queues: workers claim nothing from them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Database
from tests.support.engine import Engine, refused, step


def slugs(items: list[Any]) -> list[str]:
    return [item.step_slug for item in items]


def reasons(engine: Engine, run_id: UUID) -> list[Any]:
    return engine.rows(
        "select step_slug, waits_for, detail from stepgres.why_stuck(%s)"
        " where waits_for <> 'dependency'",
        run_id,
    )


def test_nothing_is_claimed_from_a_paused_queue(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", queue="slow"))
    both = engine.colleague("both", queues=["slow", "default"])
    assert engine.call("pause_queue", queue="slow") is True
    assert engine.call("pause_queue", queue="slow") is False
    engine.start("order")
    assert slugs(both.claim(10)) == ["a"]
    assert engine.call("resume_queue", queue="slow") is True
    assert engine.call("resume_queue", queue="slow") is False
    assert slugs(both.claim(10)) == ["b"]


def test_tasks_that_were_claimed_before_go_on(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    task = engine.claim_one()
    engine.call("pause_queue", queue="default")
    engine.work([task.completed(1)])
    assert engine.status(run_id)[0] == "completed"


@pytest.mark.parametrize("sticky", [False, True])
def test_next_step_is_not_handed_over_into_a_paused_queue(engine: Engine, sticky: bool) -> None:
    engine.define("order", step("a"), step("b", "a", sticky=sticky), execution="distributed")
    run_id = engine.start("order")
    task = engine.claim_one()
    engine.call("pause_queue", queue="default")
    assert engine.work([task.completed(1)], capacity=1) == []
    ((slug, waits_for, detail),) = reasons(engine, run_id)
    assert (slug, waits_for) == ("b", "pause")
    assert detail.startswith('queue "default" is paused since ')
    engine.call("resume_queue", queue="default")
    assert slugs(engine.claim()) == ["b"]


def test_limited_tasks_of_a_paused_queue_wait_too(db: Database) -> None:
    with db.connect() as connection:
        engine = Engine(connection, features=["limits"])
        engine.call("create_limit", limit_slug="api", max_running=2)
        engine.define("order", step("a", limits=[{"limit": "api"}]))
        run_id = engine.start("order")
        engine.call("pause_queue", queue="default")
        assert engine.claim(5) == []
        assert [waits_for for _, waits_for, _ in reasons(engine, run_id)] == ["pause"]
        engine.call("resume_queue", queue="default")
        assert slugs(engine.claim(5)) == ["a"]


def test_local_tasks_pass_no_queue(engine: Engine) -> None:
    engine.define("order", step("a"), execution="local")
    run_id = engine.start("order", executor_id=engine.worker_id)
    engine.call("pause_queue", queue="default")
    assert [waits_for for _, waits_for, _ in reasons(engine, run_id)] == ["executor"]
    assert slugs(engine.items("claim_tasks", worker_id="worker", run_ids=[run_id])) == ["a"]


def test_pause_lasts_whatever_happens_to_the_queue(engine: Engine) -> None:
    engine.call("pause_queue", queue="night")
    late = engine.colleague("late", queues=["night"])
    engine.define("order", step("a", queue="night"))
    engine.start("order", priority=7)
    assert late.claim() == []
    engine.call("tick")
    assert late.claim() == []


def test_paused_queue_is_listed_with_its_parts(engine: Engine) -> None:
    engine.define("order", step("a"), step("g", resources={"gpu": True}))
    engine.call("pause_queue", queue="default")
    engine.call("pause_queue", queue="unused")
    engine.start("order", priority=5)
    listed = engine.rows(
        "select queue, tasks, workers, paused_at is not null, parts from stepgres.list_queues()"
    )
    (queue, tasks, workers, is_paused, parts), unused = listed
    assert (queue, tasks, workers, is_paused) == ("default", 2, 1, True)
    assert [(p["priority"], p["resources"], p["tasks"]) for p in parts] == [
        (5, {}, 1),
        (5, {"gpu": True}, 1),
    ]
    assert unused == ("unused", 0, 0, True, [])


def test_worker_is_listed_with_what_it_executes(engine: Engine) -> None:
    engine.define("order", step("a", map=True))
    run_id = engine.start("order", list(range(30)))
    engine.claim(25)
    ((tasks, executes),) = engine.rows("select tasks, executes from stepgres.list_workers()")
    assert (tasks, len(executes)) == (25, 20)
    first = executes[0]
    assert (first["run_id"], first["workflow_slug"]) == (str(run_id), "order")
    assert (first["step_slug"], first["task_index"]) == ("a", 0)


def test_resuming_wakes_workers_and_tasks_of_a_paused_queue_wake_nobody(
    db: Database, engine: Engine
) -> None:
    engine.define("order", step("a"))
    with db.connect() as listening:
        listening.execute("listen stepgres_queue_default")
        engine.items("work", worker_id="worker", capacity=1, is_waiting=True)
        engine.call("pause_queue", queue="default")
        engine.start("order")
        listening.execute("select 1")
        assert list(listening.notifies(timeout=0)) == []
        engine.call("resume_queue", queue="default")
        listening.execute("select 1")
        assert [note.channel for note in listening.notifies(timeout=5, stop_after=1)] == [
            "stepgres_queue_default"
        ]


@pytest.mark.parametrize("queue", ["", "Upper", "x" * 39, "a-b", None])
def test_no_name_of_a_queue_is_refused(engine: Engine, queue: str | None) -> None:
    with refused("SG001"):
        engine.call("pause_queue", queue=queue)
    assert engine.call("resume_queue", queue=queue) is False
