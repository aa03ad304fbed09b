"""Failed runs that are retried: a new run goes on where the old one ended."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step

DIAMOND = [step("a"), step("b", "a", max_attempts=1), step("c", "a"), step("d", "b", "c")]


def retry(engine: Engine, run_id: UUID, **options: object) -> UUID:
    new_id: UUID = engine.call("retry_failed_workflow", run_id=run_id, **options)
    return new_id


def fail_at(engine: Engine, step_slug: str) -> UUID:
    """A run that has failed at a step, after everything else that could be done."""
    run_id = engine.start("order", {"x": 1})
    while items := engine.claim():
        last = [item for item in items if item.step_slug == step_slug]
        engine.work([i.completed(i.step_slug) for i in items if i not in last])
        engine.work([item.failed(retryable=False) for item in last])
    assert engine.status(run_id)[0] == "failed"
    return run_id


def test_completed_steps_are_copied_and_not_executed_again(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    old = fail_at(engine, "b")
    new = retry(engine, old)
    assert engine.steps(new) == {
        "a": "completed",
        "b": "started",
        "c": "completed",
        "d": "created",
    }
    item = engine.claim_one()
    assert (item.step_slug, item.attempt, item.input) == ("b", 1, {"x": 1, "a": "a"})
    engine.complete(item, "b")
    last = engine.claim_one()
    assert last.input == {"x": 1, "b": "b", "c": "c"}
    engine.complete(last, "d")
    assert engine.output(new) == "d"
    assert engine.status(old)[0] == "failed"


def test_new_run_says_where_it_comes_from(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    run_id = engine.start(
        "order", {}, tags=["x"], priority=5, deadline="1 hour", idempotency_key="k"
    )
    engine.call("cancel_workflow_run", run_id=run_id)
    engine.define("order", step("z"))
    new = retry(engine, run_id)
    query = "select retried_from, version, tags, priority, deadline::text, idempotency_key"
    row = engine.connection.execute(
        f"{query} from stepgres.runs where run_id = %s".encode(), [new]
    ).fetchone()
    assert row == (run_id, 1, ["x"], 5, "01:00:00", None)
    assert engine.rows("select count(*) from stepgres.timers where kind = 'run_deadline'") == [1]


def test_of_a_half_finished_map_only_the_unfinished_tasks_run(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1), step("sum", "each"))
    old = engine.start("order", ["a", "b", "c", "d"])
    a, b, c, _ = engine.claim()
    engine.work([c.completed("C"), a.completed("A")])
    engine.fail(b)
    new = retry(engine, old)
    assert engine.tasks(new) == {
        ("each", 0): "completed",
        ("each", 1): "queued",
        ("each", 2): "completed",
        ("each", 3): "queued",
    }
    items = engine.claim()
    assert [(item.input, item.attempt) for item in items] == [("b", 1), ("d", 1)]
    engine.work([item.completed(item.input.upper()) for item in items])
    assert engine.claim_one().input == {"each": ["A", "B", "C", "D"]}


def test_windows_of_a_large_half_finished_map(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1))
    old = engine.start("order", list(range(3000)))
    items = engine.claim(capacity=900)
    engine.work([item.completed(item.input) for item in items[:-1]])
    engine.fail(items[-1])
    new = retry(engine, old)
    executed = engine.drain({"each": lambda item: item})
    assert len(executed) == 3000 - 899
    assert engine.output(new) == list(range(3000))


def test_tolerated_items_of_a_failed_map_run_again(engine: Engine) -> None:
    engine.define(
        "order", step("each", map=True, max_attempts=1, when_exhausted="skip", max_failed=1)
    )
    old = engine.start("order", [1, 2, 3])
    one, two, three = engine.claim()
    engine.work([one.failed(), two.completed(2), three.failed()])
    new = retry(engine, old)
    assert [item.task_index for item in engine.drain({"each": lambda item: item})] == [0, 2]
    assert engine.output(new) == [1, 2, 3]


def test_finished_map_is_copied_with_its_tasks(engine: Engine) -> None:
    engine.define("order", step("each", map=True), step("sum", "each", max_attempts=1))
    old = engine.start("order", [1, 2])
    engine.work([item.completed(item.input) for item in engine.claim()])
    engine.fail(engine.claim_one())
    new = retry(engine, old)
    assert engine.claim_one().input == {"each": [1, 2]}
    assert engine.tasks(new)["each", 0] == "completed"


def test_skipped_steps_stay_skipped(engine: Engine) -> None:
    engine.define(
        "order",
        step("no", condition="$.no"),
        step("tried", max_attempts=1, when_exhausted="skip"),
        step("a", "no", "tried", max_attempts=1),
    )
    old = engine.start("order", {"x": 1})
    engine.fail(engine.claim_one())
    engine.fail(engine.claim_one())
    new = retry(engine, old)
    assert engine.steps(new) == {"no": "skipped", "tried": "skipped", "a": "started"}
    assert engine.claim_one().input == {"x": 1}


def test_condition_that_failed_is_evaluated_again(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a", condition="$.a", when_unmet="fail"))
    old = engine.start("order", {})
    engine.complete(engine.claim_one(), False)
    new = retry(engine, old)
    assert engine.status(new)[0] == "failed"
    assert engine.steps(new) == {"a": "completed", "b": "failed"}


def test_step_waits_again_for_its_start_delay(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=60, max_attempts=1))
    old = engine.start("order", {})
    clock.advance(60)
    engine.call("tick")
    engine.fail(engine.claim_one())
    retry(engine, old)
    assert engine.claim() == []
    clock.advance(60)
    engine.call("tick")
    assert engine.claim_one().attempt == 1


def test_retry_of_a_retry(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    second = retry(engine, fail_at(engine, "b"))
    engine.fail(engine.claim_one())
    third = retry(engine, second)
    assert [item.step_slug for item in engine.drain()] == ["b", "d"]
    assert engine.status(third)[0] == "completed"


def test_run_that_was_cancelled_before_it_began(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    old = engine.start("order", {}, delay="1 hour")
    engine.call("cancel_workflow_run", run_id=old)
    new = retry(engine, old)
    assert engine.claim_one().run_id == new


@pytest.mark.parametrize("options", [{"reset_all": True}, {"skip_completed": False}])
def test_reset_begins_at_the_beginning(engine: Engine, options: dict[str, bool]) -> None:
    engine.define("order", *DIAMOND)
    retry(engine, fail_at(engine, "b"), **options)
    assert [item.step_slug for item in engine.drain()] == ["a", "b", "c", "d"]


def test_run_that_has_not_failed_is_refused_unless_reset(engine: Engine) -> None:
    engine.define("order", step("a"))
    active = engine.start("order", {})
    with refused("SG013", str(active)):
        retry(engine, active)
    with refused("SG013", str(active)):
        retry(engine, active, skip_completed=False)
    engine.drain()
    with refused("SG013", "completed"):
        retry(engine, active)
    new = retry(engine, active, reset_all=True)
    assert engine.claim_one().run_id == new


def test_workflow_built_step_by_step_is_retried(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    engine.call("add_step", workflow_id="order", step_name="a")
    engine.call("add_step", workflow_id="order", step_name="b", depends_on=["a"], max_attempts=1)
    old = engine.start("order", {})
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    engine.call("add_step", workflow_id="order", step_name="c")
    retry(engine, old)
    assert [item.step_slug for item in engine.drain()] == ["b"]


def test_executor_of_the_new_run_executes_it(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    old = engine.start("order", {}, executor_id=engine.worker_id)
    engine.fail(engine.claim(run_ids=[old])[0])
    new = retry(engine, old, executor_id=engine.worker_id)
    assert engine.tickets() == []
    assert len(engine.claim(run_ids=[new])) == 1
    with refused("SG006"):
        retry(engine, old, executor_id="nobody")


def test_child_stays_with_its_parent_as_long_as_that_is_active(engine: Engine) -> None:
    engine.define("order", step("a"))
    parent = engine.start("order", {})
    child = engine.start("order", {}, parent_run_id=parent)
    engine.call("cancel_workflow_run", run_id=child)
    second = retry(engine, child)
    query = "select parent_run_id from stepgres.runs where run_id = %s"
    assert engine.rows(query, second) == [parent]
    engine.call("cancel_workflow_run", run_id=parent)
    assert engine.rows(query, retry(engine, second)) == [None]


def test_second_retry_with_an_idempotency_key_returns_the_first(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    run_id = fail_at(engine, "b")
    retry = {"run_id": run_id, "idempotency_key": "again"}
    new = engine.call("retry_failed_workflow", **retry)
    before = engine.snapshot()
    assert engine.call("retry_failed_workflow", **retry) == new
    assert engine.call("retry_failed_workflow", reset_all=True, **retry) == new
    assert engine.snapshot() == before
    assert engine.call("retry_failed_workflow", run_id=run_id, idempotency_key="more") != new
    query = "select idempotency_key from stepgres.runs where run_id = %s"
    assert engine.rows(query, new) == ["again"]


def test_retry_with_an_idempotency_key_that_has_ended_is_returned_too(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    retry = {"run_id": fail_at(engine, "b"), "idempotency_key": "again"}
    new = engine.call("retry_failed_workflow", **retry)
    engine.drain()
    assert engine.call("retry_failed_workflow", **retry) == new


def test_idempotency_key_of_another_run_is_no_retry(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    first, second = fail_at(engine, "b"), fail_at(engine, "b")
    engine.start("order", {}, idempotency_key="started")
    engine.call("retry_failed_workflow", run_id=first, idempotency_key="retried")
    before = engine.snapshot()
    for key in ("started", "retried"):
        with refused("SG009", str(second), f'"{key}"'):
            engine.call("retry_failed_workflow", run_id=second, idempotency_key=key)
    with refused("SG003", "not 2001"):
        engine.call("retry_failed_workflow", run_id=second, idempotency_key="x" * 2001)
    assert engine.snapshot() == before
