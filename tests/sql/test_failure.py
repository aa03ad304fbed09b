"""Failed attempts: retries, exhaustion, and what a failed run leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, step

HOUR = 3_600


def seconds_until_due(engine: Engine) -> list[float]:
    """How long the waiting tasks still wait, the shortest first."""
    query = "select extract(epoch from due_at - stepgres._now())::float8 from stepgres.timers"
    return sorted(engine.rows(query))


def next_attempt(engine: Engine, clock: Clock) -> WorkItem:
    """Waits for the timer of the only waiting task, and claims it."""
    clock.advance(seconds_until_due(engine)[0])
    engine.call("tick")
    return engine.claim_one()


# Retries


def test_failed_attempt_waits_and_is_tried_again(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {"x": 1})
    engine.fail(engine.claim_one(), "ValueError: no")
    assert engine.tasks(run_id) == {("a", 0): "waiting"}
    assert engine.claim() == []
    item = next_attempt(engine, clock)
    assert (item.attempt, item.input) == (2, {"x": 1})
    engine.complete(item, "well")
    assert engine.output(run_id) == "well"


def test_failed_attempt_is_recorded(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    clock.advance(4)
    engine.fail(item, "ValueError: no")
    engine.complete(next_attempt(engine, clock))
    query = """
        select step_slug, task_index, attempt, worker_id, error,
            extract(epoch from failed_at - started_at)::int
        from stepgres.attempts
    """
    assert engine.rows(query) == [("a", 0, 1, "worker", "ValueError: no", 4)]
    assert engine.rows("select error from stepgres.tasks") == [None]


def test_waiting_task_is_not_claimable_before_it_is_due(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.fail(engine.claim_one(), retry_after="10 s")
    assert engine.tickets() == []
    clock.advance(9.999)
    assert engine.call("tick") == 0
    assert engine.claim() == []
    clock.advance(0.001)
    assert engine.call("tick") == 1
    assert engine.claim_one().attempt == 2


def test_next_due_is_when_tick_has_something_to_do(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.start("order")
    for wait, item in zip(("7 s", "5 s"), engine.claim(), strict=True):
        engine.fail(item, retry_after=wait)
    query = "select extract(epoch from stepgres.next_due() - stepgres._now())::int"
    assert engine.rows(query) == [5]
    clock.advance(5)
    assert engine.call("tick") == 1
    assert engine.rows(query) == [2]


def test_next_due_says_when_the_search_for_lost_tickets_is_overdue(
    engine: Engine, clock: Clock
) -> None:
    query = "select stepgres.next_due() <= stepgres._now()"
    engine.call("tick")
    clock.advance(9.999)
    assert engine.rows(query) == [False]
    clock.advance(0.001)
    assert engine.rows(query) == [True]
    engine.call("tick")
    assert engine.rows(query) == [False]


def test_tick_without_anything_due_does_nothing(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.call("tick")
    clock.advance(60)
    before = [rows for table, rows in engine.snapshot().items() if "sweeps" not in table]
    assert engine.call("tick") == 0
    assert before == [rows for table, rows in engine.snapshot().items() if "sweeps" not in table]


def test_delay_doubles_from_attempt_to_attempt(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", base_delay=8, max_attempts=9))
    engine.start("order")
    item = engine.claim_one()
    for attempt in range(1, 9):
        engine.fail(item)
        (wait,) = seconds_until_due(engine)
        full = min(8 * 2 ** (attempt - 1), HOUR)
        assert full / 2 <= wait <= full
        item = next_attempt(engine, clock)
        assert item.attempt == attempt + 1


def test_delay_has_jitter(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", initial_tasks=20))
    engine.start("order")
    engine.work([item.failed() for item in engine.claim()])
    waits = seconds_until_due(engine)
    assert len(waits) == 20
    assert len(set(waits)) > 10


def test_delay_has_a_cap_and_does_not_overflow(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", max_attempts=70))
    engine.start("order")
    item = engine.claim_one()
    for _ in range(66):
        engine.fail(item)
        (wait,) = seconds_until_due(engine)
        assert wait <= HOUR
        item = next_attempt(engine, clock)
    assert wait >= HOUR / 2
    assert item.attempt == 67


def test_delay_longer_than_the_cap_is_kept(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", base_delay=10 * HOUR))
    engine.start("order")
    engine.fail(engine.claim_one())
    (wait,) = seconds_until_due(engine)
    assert 5 * HOUR <= wait <= 10 * HOUR


def test_no_delay_means_the_next_tick(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", base_delay=0))
    engine.start("order")
    engine.fail(engine.claim_one())
    assert seconds_until_due(engine) == [0]
    assert engine.call("tick") == 1
    assert engine.claim_one().attempt == 2


@pytest.mark.parametrize("wait", [0, 0.25, 7, 100_000])
def test_retry_after_chooses_the_delay(engine: Engine, clock: Clock, wait: float) -> None:
    engine.define("order", step("a", base_delay=1_000))
    engine.start("order")
    (item,) = engine.claim()
    engine.work([item.failed(retry_after=wait)])
    assert seconds_until_due(engine) == [wait]


def test_retry_after_gives_no_attempt_more(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), retry_after="1 s")
    assert engine.status(run_id)[0] == "failed"


def test_retried_map_task_keeps_its_element(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", ["x", None, {"y": 1}])
    items = engine.claim()
    engine.work([items[0].completed(0), *(item.failed(retry_after=1) for item in items[1:])])
    clock.advance(1)
    assert engine.call("tick") == 2
    again = engine.claim()
    assert [(item.place, item.input) for item in again] == [
        (("each", 1), None), (("each", 2), {"y": 1}),
    ]  # fmt: skip
    engine.work([item.completed(item.task_index) for item in again])
    assert engine.output(run_id) == [0, 1, 2]


def test_other_tasks_go_on_while_one_waits(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b"), step("after_b", "b"), step("join", "a", "b"))
    engine.start("order", {})
    a, b = engine.claim()
    engine.work([a.failed(retry_after=50), b.completed()])
    assert engine.claim_one().step_slug == "after_b"
    assert next_attempt(engine, clock).step_slug == "a"


@pytest.mark.parametrize("error", [None, "", "ValueError: Ünï '\"; \n %s"])
def test_any_text_is_an_error(engine: Engine, error: str | None) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), error)
    text = "unknown error" if error is None else error
    assert engine.status(run_id) == ("failed", f'step "a" failed: {text}')


def test_local_task_is_tried_again_by_its_executor(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", executor_id=engine.worker_id)
    engine.fail(engine.claim(run_ids=[run_id])[0], retry_after="1 s")
    clock.advance(1)
    engine.call("tick")
    assert engine.tickets() == []
    assert engine.claim() == []
    (item,) = engine.claim(run_ids=[run_id])
    assert item.attempt == 2


# Exhaustion


def fail_all_attempts(engine: Engine, clock: Clock) -> None:
    engine.fail(engine.claim_one())
    for _ in range(2):
        engine.fail(next_attempt(engine, clock))


def fail_for_good(engine: Engine, clock: Clock) -> None:
    engine.fail(engine.claim_one(), retryable=False)


@pytest.mark.parametrize("exhaust", [fail_all_attempts, fail_for_good])
def test_exhausted_task_fails_step_and_run(engine: Engine, clock: Clock, exhaust: Any) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    run_id = engine.start("order", {})
    exhaust(engine, clock)
    assert engine.status(run_id) == ("failed", 'step "a" failed: no luck')
    assert engine.rows("select failed_step from stepgres.runs") == ["a"]
    assert engine.steps(run_id) == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    assert engine.tasks(run_id) == {("a", 0): "failed"}
    assert engine.claim() == []
    assert engine.call("tick") == 0


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_task_has_its_number_of_attempts(engine: Engine, clock: Clock, max_attempts: int) -> None:
    engine.define("order", step("a", max_attempts=max_attempts))
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    for _ in range(max_attempts - 1):
        assert engine.status(run_id)[0] == "in_progress"
        engine.fail(next_attempt(engine, clock))
    assert engine.status(run_id)[0] == "failed"
    query = "select attempt from stepgres.attempts order by 1"
    assert engine.rows(query) == list(range(1, max_attempts + 1))


def test_failed_run_cancels_all_that_is_unfinished(engine: Engine) -> None:
    engine.define(
        "order", step("bad"), step("done"), step("queued"), step("started"), step("waiting"),
        step("after", "done"), step("never", "after", "bad"),
    )  # fmt: skip
    run_id = engine.start("order", {})
    bad, done, queued, _, waiting = engine.claim()
    engine.work([done.completed(1), queued.released(), waiting.failed(retry_after=0)])
    engine.work([bad.failed("worse", retryable=False)])
    assert engine.status(run_id) == ("failed", 'step "bad" failed: worse')
    assert engine.steps(run_id) == {
        "bad": "failed", "done": "completed", "queued": "cancelled", "started": "cancelled",
        "waiting": "cancelled", "after": "cancelled", "never": "cancelled",
    }  # fmt: skip
    assert engine.tasks(run_id) == {
        ("bad", 0): "failed", ("done", 0): "completed", ("queued", 0): "cancelled",
        ("started", 0): "cancelled", ("waiting", 0): "cancelled", ("after", 0): "cancelled",
    }  # fmt: skip
    assert engine.tickets() == []
    assert engine.rows("select * from stepgres.timers") == []
    assert engine.call("tick") == 0


def test_failed_run_leaves_other_runs_alone(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    failing, other = engine.start("order"), engine.start("order")
    items = engine.claim()
    engine.fail(next(item for item in items if item.run_id == failing), retryable=False)
    engine.work([item.completed() for item in items if item.run_id == other])
    assert (engine.status(failing)[0], engine.status(other)[0]) == ("failed", "completed")


def test_output_of_a_completed_step_is_kept_when_the_run_fails(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c", "a"))
    run_id = engine.start("order", {})
    a, b = engine.claim()
    engine.work([a.completed("kept"), b.failed(retryable=False)])  # in one batch
    assert engine.steps(run_id) == {"a": "completed", "b": "failed", "c": "cancelled"}
    query = "select output from stepgres.step_states where step_slug = 'a'"
    assert engine.rows(query) == ["kept"]
    assert engine.tickets() == []


def test_failed_map_task_names_its_index(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1))
    run_id = engine.start("order", [1, 2, 3])
    _, two, three = engine.claim()
    engine.work([three.failed("third"), two.failed("second")])
    assert engine.status(run_id) == ("failed", 'step "each" failed at task 1: second')
    assert list(engine.tasks(run_id).values()) == ["cancelled", "failed", "failed"]


def test_first_of_several_failed_tasks_is_named_by_step_and_run(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1))
    for _ in range(2):
        engine.start("order", list(range(30)))
    engine.work([item.failed() for item in engine.claim() if item.task_index > 2])
    errors = ['step "each" failed at task 3: no luck'] * 2
    assert engine.rows("select error from stepgres.runs") == errors
    assert engine.rows("select error from stepgres.step_states") == errors


def test_two_steps_that_fail_in_one_batch_fail_the_run_once(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    failures = [b.failed("second", retryable=False), a.failed("first", retryable=False)]
    assert engine.work(failures) == []
    assert engine.status(run_id) == ("failed", 'step "a" failed: first')
    assert engine.steps(run_id) == {"a": "failed", "b": "failed"}


def test_retry_and_exhaustion_in_one_batch(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    engine.work([a.failed(), b.failed(retryable=False)])
    assert engine.steps(run_id) == {"a": "cancelled", "b": "failed"}
    assert engine.rows("select * from stepgres.timers") == []
    assert engine.rows("select step_slug from stepgres.attempts order by 1") == ["a", "b"]


def test_release_and_exhaustion_in_one_batch(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    assert engine.work([a.released(), b.failed(retryable=False)]) == []
    assert engine.steps(run_id) == {"a": "cancelled", "b": "failed"}
    assert engine.tickets() == []


# Release


def test_released_task_goes_to_another_worker_and_costs_no_attempt(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order")
    for _ in range(3):
        item = engine.claim_one()
        assert item.attempt == 1
        engine.work([item.released()])
        assert engine.tickets() == [(run_id, "a", 0)]
    other = Engine(engine.connection, "other")
    other.complete(other.claim_one(), "well")
    assert engine.output(run_id) == "well"


def test_result_after_release_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    engine.work([item.released()])
    assert [answer.is_refused for answer in engine.work([item.completed()])] == [True]
    again = Engine(engine.connection, "other").claim_one()
    assert [answer.is_refused for answer in engine.work([item.completed()])] == [True]
    assert again.attempt == item.attempt
