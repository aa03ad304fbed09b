"""Runs that are cancelled, and their child runs with them."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def cancel(engine: Engine, run_id: UUID, **options: object) -> None:
    engine.call("cancel_workflow_run", run_id=run_id, **options)


def assert_nothing_is_left(engine: Engine, run_id: UUID) -> None:
    unfinished = {"created", "queued", "started", "waiting"}
    assert not unfinished & set(engine.steps(run_id).values())
    assert not unfinished & set(engine.tasks(run_id).values())
    assert engine.rows("select run_id from stepgres.timers where run_id = %s", run_id) == []
    assert [ticket for ticket in engine.tickets() if ticket[0] == run_id] == []


def test_cancel_ends_queued_waiting_and_started_tasks(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c"), step("d", "a"))
    run_id = engine.start("order", {})
    one, two = engine.claim(capacity=2)
    engine.fail(two)
    assert sorted(engine.tasks(run_id).values()) == ["queued", "started", "waiting"]
    cancel(engine, run_id, reason="no longer wanted")
    assert engine.status(run_id) == ("failed", "no longer wanted")
    assert_nothing_is_left(engine, run_id)
    assert engine.work([one.completed()])[0].is_refused
    assert engine.rows("select cancelled_at = finished_at, failed_step from stepgres.runs") == [
        (True, None)
    ]


def test_reason_has_a_default(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    cancel(engine, run_id)
    assert engine.status(run_id) == ("failed", "User requested cancellation")


def test_cancel_keeps_what_was_completed(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), 1)
    cancel(engine, run_id)
    assert engine.steps(run_id) == {"a": "completed", "b": "cancelled"}


def test_cancel_of_a_large_map(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(10_000)))
    engine.claim(capacity=10)
    cancel(engine, run_id)
    assert_nothing_is_left(engine, run_id)


def test_cancelling_twice_is_no_change(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    cancel(engine, run_id, reason="first")
    before = engine.snapshot()
    cancel(engine, run_id, reason="second")
    assert engine.snapshot() == before


def test_cancel_of_a_failed_run_is_no_change(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), "broken")
    cancel(engine, run_id)
    assert "broken" in engine.status(run_id)[1]
    assert engine.rows("select cancelled_at from stepgres.runs") == [None]


@pytest.mark.parametrize("force", [False, True])
def test_completed_run_stays_completed(engine: Engine, force: bool) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.drain()
    before = engine.snapshot()
    if force:
        cancel(engine, run_id, force=True)
    else:
        with refused("SG011", str(run_id), "completed"):
            cancel(engine, run_id)
    assert engine.snapshot() == before


def test_paused_run_can_be_cancelled(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim(capacity=1)[0])
    engine.call("pause_workflow_run", run_id=run_id)
    cancel(engine, run_id)
    assert_nothing_is_left(engine, run_id)
    with refused("SG011"):
        engine.call("resume_workflow_run", run_id=run_id)


def test_delayed_run_can_be_cancelled(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, delay="1 hour", deadline="1 hour")
    cancel(engine, run_id)
    assert_nothing_is_left(engine, run_id)
    clock.advance(10_000)
    engine.call("tick")
    assert engine.claim() == []


def test_children_are_cancelled_and_theirs(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    grandchild = engine.start("order", {}, parent_run_id=child)
    other = engine.start("order", {})
    cancel(engine, parent, reason="all of them")
    for run_id in (parent, child, grandchild):
        assert engine.status(run_id) == ("failed", "all of them")
        assert_nothing_is_left(engine, run_id)
    assert engine.status(other)[0] == "in_progress"


def test_active_grandchild_of_a_completed_child_is_cancelled(engine: Engine) -> None:
    engine.define("order", step("a"))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    grandchild = engine.start("order", {}, parent_run_id=child)
    engine.complete(next(item for item in engine.claim() if item.run_id == child))
    cancel(engine, parent)
    assert engine.status(child)[0] == "completed"
    assert engine.status(grandchild)[0] == "failed"


def test_force_cancels_what_a_completed_run_has_left_behind(engine: Engine) -> None:
    engine.define("order", step("a"))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    engine.complete(next(item for item in engine.claim() if item.run_id == parent))
    cancel(engine, parent, force=True)
    assert engine.status(parent)[0] == "completed"
    assert engine.status(child)[0] == "failed"


def test_cancel_of_a_child_leaves_its_parent_alone(engine: Engine) -> None:
    engine.define("order", step("a"))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    cancel(engine, child)
    assert engine.status(parent)[0] == "in_progress"


def test_failure_of_a_parent_leaves_its_children_alone(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    engine.fail(next(item for item in engine.claim() if item.run_id == parent))
    assert engine.status(child)[0] == "in_progress"


def test_child_of_a_run_that_has_ended_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    parent = engine.start("order", {})
    cancel(engine, parent)
    with refused("SG011", str(parent)):
        engine.start("order", {}, parent_run_id=parent)
    with refused("SG005"):
        engine.start("order", {}, parent_run_id=UUID(int=1))


def test_local_run_can_be_cancelled(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {}, executor_id=engine.worker_id)
    engine.claim(run_ids=[run_id], capacity=1)
    cancel(engine, run_id)
    assert_nothing_is_left(engine, run_id)
    assert engine.claim(run_ids=[run_id]) == []
