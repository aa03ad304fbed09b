"""Runs that are paused and resumed."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def pause(engine: Engine, run_id: object) -> None:
    engine.call("pause_workflow_run", run_id=run_id)


def resume(engine: Engine, run_id: object) -> None:
    engine.call("resume_workflow_run", run_id=run_id)


def test_paused_run_hands_out_nothing_until_it_is_resumed(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id, other = engine.start("order", {}), engine.start("order", {})
    pause(engine, run_id)
    assert engine.status(run_id)[1]["paused"] is True
    assert [item.run_id for item in engine.claim()] == [other]
    assert engine.tickets() == []
    resume(engine, run_id)
    assert engine.status(run_id)[1]["paused"] is False
    assert engine.claim_one().run_id == run_id


def test_tasks_under_way_finish_and_count(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    pause(engine, run_id)
    engine.complete(item, 1)
    assert engine.steps(run_id) == {"a": "completed", "b": "created"}
    assert engine.claim() == []
    resume(engine, run_id)
    assert engine.claim_one().input == {"a": 1}


def test_run_may_complete_while_it_is_paused(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    pause(engine, run_id)
    engine.complete(item, 1)
    assert engine.output(run_id) == 1
    assert engine.rows("select paused_at from stepgres.runs") == [None]


def test_run_may_fail_while_it_is_paused(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b"))
    run_id = engine.start("order", {})
    item = next(item for item in engine.claim(capacity=1))
    pause(engine, run_id)
    engine.fail(item)
    assert engine.status(run_id)[0] == "failed"
    assert engine.tickets() == []


def test_conditions_and_empty_maps_wait_for_the_end_of_a_pause(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("b", "a", condition="$.no"),
        step("each", "a", map=True),
        step("last", "b", "each"),
    )
    run_id = engine.start("order", {})
    item = engine.claim_one()
    pause(engine, run_id)
    engine.complete(item, [])
    statuses = {"b": "created", "each": "created", "last": "created"}
    assert engine.steps(run_id) == {"a": "completed", **statuses}
    resume(engine, run_id)
    statuses = {"b": "skipped", "each": "completed", "last": "started"}
    assert engine.steps(run_id) == {"a": "completed", **statuses}


def test_retry_timer_goes_on_with_what_was_left(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retry_after="60 seconds")
    clock.advance(20)
    pause(engine, run_id)
    clock.advance(1000)
    assert engine.call("tick") == 0
    resume(engine, run_id)
    clock.advance(39)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(2)
    engine.call("tick")
    assert engine.claim_one().attempt == 2


def test_what_was_left_is_the_same_when_summer_time_ends(engine: Engine, clock: Clock) -> None:
    clock.connection.execute("update public.test_clock set now = '2026-10-24 12:00 UTC'")
    engine.connection.execute("set timezone = 'Europe/Berlin'")
    engine.define("order", step("a", start_delay=2 * 24 * 3600))
    run_id = engine.start("order", {})
    due = engine.rows("select due_at from stepgres.timers")
    pause(engine, run_id)
    resume(engine, run_id)
    assert engine.rows("select due_at from stepgres.timers") == due


def test_attempt_that_fails_during_a_pause_waits_after_it(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    pause(engine, run_id)
    engine.fail(item, retry_after="60 seconds")
    clock.advance(1000)
    engine.call("tick")
    resume(engine, run_id)
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(2)
    engine.call("tick")
    assert engine.claim_one().attempt == 2


def test_timer_that_was_due_before_the_pause_fires_after_it(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retry_after="1 second")
    clock.advance(5)
    pause(engine, run_id)
    resume(engine, run_id)
    engine.call("tick")
    assert engine.claim_one().attempt == 2


def test_paused_timers_are_not_due(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retry_after="60 seconds")
    pause(engine, run_id)
    (heartbeat,) = engine.rows("select heartbeat_at + lease from stepgres.workers")
    assert engine.call("next_due") == heartbeat


def test_released_task_of_a_paused_run_gets_no_ticket(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    pause(engine, run_id)
    engine.work([item.released()])
    assert engine.tickets() == []
    resume(engine, run_id)
    assert engine.claim_one().attempt == 1


def test_tasks_of_a_dead_worker_wait_for_the_end_of_the_pause(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.claim_one()
    pause(engine, run_id)
    clock.advance(100_000)
    engine.call("tick")
    engine.call("register_worker", worker_id=engine.worker_id, lease="1 day")
    assert engine.claim() == []
    resume(engine, run_id)
    engine.call("tick")
    assert engine.claim_one().attempt == 2


def test_windows_of_a_large_map_stand_still(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(3000)))
    items = engine.claim(capacity=900)
    pause(engine, run_id)
    engine.work([item.completed(item.input) for item in items])
    assert len(engine.tasks(run_id)) == 1000
    resume(engine, run_id)
    engine.drain({"each": lambda item: item})
    assert engine.output(run_id) == list(range(3000))


def test_local_run_is_paused_too(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, executor_id=engine.worker_id)
    pause(engine, run_id)
    assert engine.claim(run_ids=[run_id]) == []
    resume(engine, run_id)
    (item,) = engine.claim(run_ids=[run_id])
    assert item.step_slug == "a"


def test_pausing_twice_is_no_change(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retry_after="60 seconds")
    pause(engine, run_id)
    before = engine.snapshot()
    clock.advance(5)
    pause(engine, run_id)
    assert engine.snapshot() == before


def test_resume_of_a_run_that_is_not_paused_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with refused("SG012", str(run_id)):
        resume(engine, run_id)


@pytest.mark.parametrize("function", ["pause_workflow_run", "resume_workflow_run"])
def test_run_that_has_ended_is_refused(engine: Engine, function: str) -> None:
    engine.define("order", step("a", max_attempts=1))
    completed, failed = engine.start("order", {}), engine.start("order", {})
    one, two = engine.claim()
    engine.complete(one)
    engine.fail(two)
    for run_id in (completed, failed):
        with refused("SG011", str(run_id)):
            engine.call(function, run_id=run_id)


@pytest.mark.parametrize(
    "function",
    [
        "pause_workflow_run",
        "resume_workflow_run",
        "cancel_workflow_run",
        "retry_failed_workflow",
        "why_stuck",
        "get_run",
    ],
)
def test_unknown_run_is_refused(engine: Engine, function: str) -> None:
    run_id = uuid4()
    with refused("SG005", str(run_id)):
        engine.call(function, run_id=run_id)


def test_ticket_popped_before_a_pause_is_dropped(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    queue = engine.rows("select pgmq_queue from stepgres.queues")[0]
    ticket = {"run_id": str(run_id), "step_slug": "a", "task_index": 0}
    pause(engine, run_id)
    engine.rows("select pgmq.send(%s, to_jsonb(%s::json))", queue, json.dumps(ticket))
    assert engine.claim() == []
    resume(engine, run_id)
    assert engine.claim_one().run_id == run_id
