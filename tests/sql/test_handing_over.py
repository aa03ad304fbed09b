"""Steps that go to the worker that made them ready, in the same turn and without a ticket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Database
from tests.support.engine import Engine, refused, step


def chain(engine: Engine, *more: dict[str, Any], **options: Any) -> None:
    """a -> b -> c, of which b and c are sticky."""
    engine.define(
        "order",
        step("a", **options), step("b", "a", sticky=True, **options),
        step("c", "b", sticky=True, **options), *more,
        execution="distributed",
    )  # fmt: skip


def other_worker(engine: Engine, worker_id: str = "other", **options: Any) -> Engine:
    return Engine(engine.connection, worker_id, **options)


def slugs(items: list[Any]) -> list[str]:
    return [item.step_slug for item in items]


def test_chain_goes_on_in_the_turn_that_completes_its_steps(engine: Engine) -> None:
    chain(engine)
    run_id = engine.start("order")
    (a,) = engine.claim()
    (b,) = engine.work([a.completed(1)], capacity=1)
    assert (b.step_slug, b.attempt, b.input) == ("b", 1, {"a": 1})
    assert engine.tickets() == []
    (c,) = engine.work([b.completed(2)], capacity=1)
    assert engine.work([c.completed(3)], capacity=1) == []
    assert engine.output(run_id) == 3


def test_sticky_step_goes_ahead_of_what_is_queued(engine: Engine) -> None:
    chain(engine)
    engine.start("order")
    engine.start("order")
    a = engine.claim(1)[0]
    assert slugs(engine.work([a.completed()], capacity=1)) == ["b"]
    assert len(engine.tickets()) == 1
    engine.drain()


def test_step_that_is_not_sticky_follows_too(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order")
    engine.start("order")
    a = engine.claim(1)[0]
    assert slugs(engine.work([a.completed()], capacity=1)) == ["b"]
    engine.drain()


def test_worker_goes_on_with_one_step_for_each_that_it_completed(engine: Engine) -> None:
    engine.define("order", step("a"), *[step(f"b{i}", "a") for i in range(5)])
    engine.start("order")
    (a,) = engine.claim(1)
    engine.define("other", step("older"))
    for _ in range(3):
        engine.start("other")
    claimed = engine.work([a.completed()], capacity=4)
    assert slugs(claimed)[0].startswith("b")
    assert slugs(claimed)[1:] == ["older"] * 3
    assert len(engine.tickets()) == 4
    engine.work([item.completed() for item in claimed])
    engine.drain()


def test_worker_goes_on_with_a_more_urgent_task_first(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b", sticky=True))
    engine.define("urgent", step("now"))
    engine.start("order")
    (a,) = engine.claim(1)
    engine.start("urgent", priority=1)
    (now,) = engine.work([a.completed()], capacity=1)
    assert now.step_slug == "now"
    (b,) = engine.work([now.completed()], capacity=1)
    assert b.step_slug == "b"
    engine.start("urgent", priority=1)
    assert slugs(engine.work([b.completed()], capacity=1)) == ["c"]
    engine.call("tick")
    engine.connection.execute("select stepgres.unregister_worker('worker')")
    other_worker(engine, "worker").drain()


def test_less_urgent_queue_does_not_hold_a_step_up(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order", priority=-1)
    engine.start("order")
    (a,) = engine.claim(1)
    assert slugs(engine.work([a.completed()], capacity=1)) == ["b"]
    engine.connection.execute("select stepgres.unregister_worker('worker')")
    other_worker(engine, "worker").drain()


def test_worker_that_is_being_ended_leaves_a_ticket(engine: Engine, db: Database) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order")
    (a,) = engine.claim(1)
    with db.connect() as other, other.transaction():
        other.execute("select from stepgres.workers for update")
        assert engine.work([a.completed()], capacity=1) == []
    assert engine.tickets() == [(run_id, "b", 0)]
    engine.drain()


def test_result_of_no_use_gives_no_place(engine: Engine) -> None:
    """A refused result makes nothing ready, and a released task stays a task."""
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order")
    (a,) = engine.claim(1)
    released, *_ = engine.work([a.released()], capacity=1)
    assert (released.step_slug, released.attempt) == ("a", 1)
    engine.complete(released)
    engine.drain()


def test_worker_that_can_take_no_more_leaves_a_ticket(engine: Engine) -> None:
    chain(engine)
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    assert engine.tickets() == [(run_id, "b", 0)]
    engine.drain()
    assert engine.status(run_id)[0] == "completed"


def test_worker_takes_as_many_as_it_can_and_leaves_the_others(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"), *[step(f"b{i}", "a", sticky=True) for i in range(5)],
        execution="distributed",
    )  # fmt: skip
    run_id = engine.start("order")
    a = engine.claim_one()
    assert len(engine.work([a.completed()], capacity=2)) == 2
    assert len(engine.tickets()) == 3
    assert len(engine.claim()) == 3
    for item in engine.rows("select step_slug from stepgres.tasks where status = 'started'"):
        engine.call("complete_task", worker_id="worker", run_id=run_id, step_slug=item, output=None)


def test_batch_of_results_hands_over_no_more_than_fits(engine: Engine) -> None:
    chain(engine)
    for _ in range(4):
        engine.start("order")
    items = engine.claim()
    assert len(items) == 4
    assert slugs(engine.work([item.completed() for item in items], capacity=3)) == ["b"] * 3
    assert len(engine.tickets()) == 1
    engine.work([])
    assert slugs(engine.claim()) == ["b"]
    engine.connection.execute("select stepgres.unregister_worker('worker')")
    other_worker(engine, "worker")
    engine.drain()


@pytest.mark.parametrize(
    "options", [{"resources": {"gpu": True}}, {"queue": "elsewhere"}], ids=["resource", "queue"]
)
def test_worker_that_may_not_execute_it_leaves_a_ticket(
    engine: Engine, options: dict[str, Any]
) -> None:
    engine.define(
        "order", step("a"), step("b", "a", sticky=True, **options), execution="distributed"
    )
    run_id = engine.start("order")
    assert engine.work([engine.claim_one().completed()], capacity=1) == []
    assert engine.tickets() == [(run_id, "b", 0)]
    engine.call("cancel_workflow_run", run_id=run_id)


def test_join_sticks_to_the_worker_that_completes_its_last_dependency(engine: Engine) -> None:
    engine.define(
        "order", step("a"), step("b"), step("join", "a", "b", sticky=True), execution="distributed"
    )
    engine.start("order")
    a, b = engine.claim()
    assert engine.work([a.completed()], capacity=1) == []
    (join,) = engine.work([b.completed()], capacity=1)
    engine.complete(join)


def test_of_a_paused_run_nothing_is_handed_over(engine: Engine) -> None:
    chain(engine)
    run_id = engine.start("order")
    a = engine.claim_one()
    engine.call("pause_workflow_run", run_id=run_id)
    assert engine.work([a.completed()], capacity=1) == []
    engine.call("resume_workflow_run", run_id=run_id)
    assert slugs(engine.drain()) == ["b", "c"]


def test_run_that_another_result_fails_gets_nothing_handed_over(engine: Engine) -> None:
    chain(engine, step("d"), max_attempts=1)
    run_id = engine.start("order")
    a, d = engine.claim()
    assert engine.work([a.completed(), d.failed(retryable=False)], capacity=5) == []
    assert engine.status(run_id)[0] == "failed"


def test_run_that_a_condition_fails_gets_nothing_handed_over(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("b", "a"),
        step("skipped", "a", condition="$.no", when_unmet="skip"),
        step("last", "skipped", condition="$.no", when_unmet="fail"),
        execution="distributed",
    )
    run_id = engine.start("order", {})
    assert engine.work([engine.claim_one().completed()], capacity=5) == []
    assert engine.status(run_id)[0] == "failed"
    assert engine.tickets() == []


def test_handed_over_task_that_fails_is_retried_through_the_queue(engine: Engine) -> None:
    chain(engine)
    run_id = engine.start("order")
    (b,) = engine.work([engine.claim_one().completed()], capacity=1)
    engine.fail(b, retry_after="0 seconds")
    engine.call("tick")
    assert engine.tickets() == [(run_id, "b", 0)]
    assert slugs(engine.drain()) == ["b", "c"]


def test_handed_over_task_of_a_dead_worker_is_taken_over(engine: Engine) -> None:
    chain(engine)
    engine.start("order")
    engine.work([engine.claim_one().completed()], capacity=1)
    engine.call("unregister_worker", worker_id="worker")
    other = other_worker(engine)
    assert slugs(other.drain()) == ["b", "c"]


def test_sticky_steps_of_an_executor_are_claimed_as_ever(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a", sticky=True))
    run_id = engine.start("order", executor_id="worker")
    executed = engine.drain(run_ids=[run_id])
    assert slugs(executed) == ["a", "b"]


def test_map_tasks_and_steps_with_a_condition_go_through_the_queue(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("each", "a", map=True, sticky=True),
        step("b", "a", condition="$.a", sticky=True),
        execution="distributed",
    )
    engine.start("order")
    a = engine.claim_one()
    assert slugs(engine.work([a.completed([1, 2])], capacity=9)) == ["b", "each", "each"]
    engine.connection.execute("select stepgres.unregister_worker('worker')")
    other_worker(engine).drain()


def test_sticky_is_a_boolean(engine: Engine) -> None:
    with refused("SG001", "sticky"):
        engine.define("order", step("a", sticky="yes"))


def test_null_is_no_value_of_sticky(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    with refused("SG001", "sticky must not be null"):
        engine.call("add_step", workflow_id="order", step_name="a", sticky=None)
