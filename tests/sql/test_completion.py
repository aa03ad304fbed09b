"""Completing tasks: what follows from a result, and which results are refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, refused, step

DIAMOND = (step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))


def counters(engine: Engine, run_id: UUID) -> dict[str, Any]:
    """remaining_ends of the run, then remaining_deps and remaining_tasks of each step."""
    (remaining_ends,) = engine.rows(
        "select remaining_ends from stepgres.runs where run_id = %s", run_id
    )
    steps = engine.rows(
        "select step_slug, remaining_deps, remaining_tasks from stepgres.step_states"
        " where run_id = %s",
        run_id,
    )
    return {"run": remaining_ends, **{slug: (deps, tasks) for slug, deps, tasks in steps}}


# What follows


def test_counters_count_down_through_a_chain(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    run_id = engine.start("order", {})
    assert counters(engine, run_id) == {"run": 1, "a": (0, 1), "b": (1, None), "c": (1, None)}
    engine.complete(engine.claim_one())
    assert counters(engine, run_id) == {"run": 1, "a": (0, 0), "b": (0, 1), "c": (1, None)}
    engine.complete(engine.claim_one())
    assert counters(engine, run_id) == {"run": 1, "a": (0, 0), "b": (0, 0), "c": (0, 1)}
    engine.complete(engine.claim_one(), "end")
    assert counters(engine, run_id) == {"run": 0, "a": (0, 0), "b": (0, 0), "c": (0, 0)}
    assert engine.status(run_id) == ("completed", "end")


def test_counters_count_the_tasks_of_a_map(engine: Engine) -> None:
    engine.define("order", step("each", map=True), step("sum", "each"))
    run_id = engine.start("order", [1, 2, 3])
    items = engine.claim()
    engine.work([item.completed() for item in items[:2]])
    assert counters(engine, run_id) == {"run": 1, "each": (0, 1), "sum": (1, None)}
    engine.complete(items[2])
    assert counters(engine, run_id) == {"run": 1, "each": (0, 0), "sum": (0, 1)}


def test_progress_is_reported(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one())
    progress = {"total_steps": 3, "completed_steps": 1, "percentage": 33.3, "paused": False}
    assert engine.status(run_id) == ("in_progress", progress)


@pytest.mark.parametrize("order", ["bc", "cb"])
def test_join_starts_once_after_its_last_parent(engine: Engine, order: str) -> None:
    engine.define("order", *DIAMOND)
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one())
    parents = {item.step_slug: item for item in engine.claim()}
    engine.complete(parents[order[0]])
    assert engine.claim() == []
    assert engine.steps(run_id)["d"] == "created"
    engine.complete(parents[order[1]])
    assert engine.tickets() == [(run_id, "d", 0)]
    assert engine.claim_one().step_slug == "d"
    assert engine.claim() == []


def test_join_starts_once_if_both_parents_are_in_one_batch(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one())
    items = engine.work([item.completed() for item in engine.claim()], capacity=10)
    assert [item.place for item in items] == [("d", 0)]
    assert counters(engine, run_id)["run"] == 1


def test_one_turn_takes_results_and_claims_what_follows(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order", {})
    (item,) = engine.work([engine.claim_one().completed(1)], capacity=5)
    assert (item.place, item.input) == (("b", 0), {"a": 1})


def test_branch_does_not_wait_for_the_other(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("after_a", "a"), step("after_b", "b"))
    engine.start("order", {})
    a, _ = engine.claim()
    engine.complete(a)
    assert engine.claim_one().step_slug == "after_a"


def test_completion_records_its_time(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    clock.advance(3)
    engine.complete(item)
    for table, start in (
        (b"tasks", b"started_at"), (b"step_states", b"started_at"), (b"runs", b"inserted_at")
    ):  # fmt: skip
        query = b"select extract(epoch from finished_at - %s) from stepgres.%s" % (start, table)
        assert engine.connection.execute(query).fetchall() == [(3,)]


def test_batch_spans_runs(engine: Engine) -> None:
    engine.define("order", *DIAMOND)
    run_ids = [engine.start("order", {}) for _ in range(5)]
    rounds = []
    items = engine.claim()
    while items:
        rounds.append(len(items))
        items = engine.work([item.completed() for item in reversed(items)], capacity=100)
    assert rounds == [5, 10, 5]
    assert {engine.status(run_id)[0] for run_id in run_ids} == {"completed"}


# Refused results


def duplicate(engine: Engine, item: WorkItem) -> dict[str, Any]:
    engine.complete(item, "first")
    return item.completed("second")


def failed_before(engine: Engine, item: WorkItem) -> dict[str, Any]:
    engine.fail(item)
    return item.completed("late")


def failure_after_completion(engine: Engine, item: WorkItem) -> dict[str, Any]:
    engine.complete(item, "first")
    return item.failed()


def release_after_completion(engine: Engine, item: WorkItem) -> dict[str, Any]:
    engine.complete(item, "first")
    return item.released()


def of_a_failed_run(engine: Engine, item: WorkItem) -> dict[str, Any]:
    (other,) = engine.claim()
    engine.fail(other, retryable=False)
    return item.completed("late")


def of_a_task_not_claimed(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "step_slug": "b"}


def of_an_earlier_claim(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "claim": item.claim - 1, "attempt": item.attempt}


def of_a_later_claim(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "claim": item.claim + 1, "attempt": item.attempt}


def of_another_attempt(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "claim": None, "attempt": item.attempt + 1}


def of_no_step(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "step_slug": "nowhere"}


def of_no_index(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "task_index": 1}


def of_no_run(_: Engine, item: WorkItem) -> dict[str, Any]:
    return {**item.completed(), "run_id": str(UUID(int=1))}


LATE_RESULTS = [
    duplicate, failed_before, failure_after_completion, release_after_completion,
    of_a_failed_run, of_a_task_not_claimed, of_an_earlier_claim, of_a_later_claim,
    of_another_attempt, of_no_step, of_no_index, of_no_run,
]  # fmt: skip


@pytest.mark.parametrize("late", LATE_RESULTS)
def test_result_out_of_place_is_refused_and_changes_nothing(engine: Engine, late: Any) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    (item,) = engine.claim(1)
    result = late(engine, item)
    before = engine.snapshot()
    (answer,) = engine.work([result])
    assert (answer.is_refused, answer.input) == (True, None)
    assert (str(answer.run_id), answer.step_slug) == (result["run_id"], result["step_slug"])
    assert (answer.task_index, answer.claim) == (result["task_index"], result["claim"])
    assert engine.snapshot() == before


def test_result_without_the_number_of_its_claim_goes_by_its_attempt(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    item = engine.claim_one()
    result = {**item.completed("done"), "claim": None, "attempt": 1}
    assert engine.work([result]) == []
    assert engine.output(run_id) == "done"


def test_repeated_release_takes_no_running_task_away(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    item = engine.claim_one()
    assert engine.work([item.released()]) == []
    again = engine.claim_one()
    assert ((item.claim, item.attempt), (again.claim, again.attempt)) == ((1, 1), (2, 1))
    (refusal,) = engine.work([item.released()])
    assert (refusal.is_refused, refusal.claim) == (True, 1)
    engine.complete(again, "done")
    assert engine.output(run_id) == "done"


def test_result_of_another_worker_is_refused(engine: Engine, db: Database) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    with db.connect() as connection:
        other = Engine(connection, "other")
        before = engine.snapshot()
        assert [answer.is_refused for answer in other.work([item.completed()])] == [True]
        assert [answer.is_refused for answer in other.work([item.released()])] == [True]
    assert engine.snapshot() == before


def test_refused_result_is_an_error_of_complete_task(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    engine.complete(item)
    before = engine.snapshot()
    with refused("SG004", f"{item.run_id}/a/0", '"worker"', "claim 1") as completion:
        engine.complete(item)
    assert completion.detail == (
        'Its status is completed, its claim 1, its attempt 1, its worker "worker".'
    )
    with refused("SG004", f"{item.run_id}/a/0"):
        engine.fail(item)
    assert engine.snapshot() == before


def test_refused_result_of_no_task_says_so(engine: Engine) -> None:
    key = {"run_id": UUID(int=1), "step_slug": "a", "worker_id": "worker"}
    with refused("SG004") as completion:
        engine.call("complete_task", output=Jsonb(1), **key)
    assert completion.detail == "There is no such task."


def test_first_of_two_results_in_one_batch_counts(engine: Engine) -> None:
    engine.define("order", step("a", map=True))
    run_id = engine.start("order", [1, 2])
    one, two = engine.claim()
    answers = engine.work(
        [one.completed("a"), two.failed(), one.completed("b"), two.completed("c"), one.failed()]
    )
    assert [(item.place, item.is_refused) for item in answers] == [
        (("a", 0), True), (("a", 0), True), (("a", 1), True),
    ]  # fmt: skip
    assert engine.tasks(run_id) == {("a", 0): "completed", ("a", 1): "waiting"}


def test_refused_result_does_not_hold_up_the_others(engine: Engine) -> None:
    engine.define("order", step("a"))
    runs = [engine.start("order") for _ in range(3)]
    one, two, three = engine.claim()
    engine.complete(two)
    answers = engine.work([one.completed(), two.completed(), three.completed()])
    assert [item.run_id for item in answers] == [two.run_id]
    assert {engine.status(run_id)[0] for run_id in runs} == {"completed"}


@pytest.mark.parametrize("results", [None, Jsonb(None), Jsonb({}), Jsonb("x")])
def test_results_that_are_no_array_are_refused(engine: Engine, results: Any) -> None:
    with refused("SG003", "results must be a JSON array"):
        engine.call("work", worker_id="worker", results=results)


# After a takeover


def test_late_completion_after_takeover_is_refused(
    engine: Engine, db: Database, clock: Clock
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    with db.connect() as connection:
        stalled = Engine(connection, "stalled", lease="10 s")
        item = stalled.claim_one()
        clock.advance(10)
        engine.call("tick")
        successor = engine.claim_one()
        assert (successor.place, successor.attempt) == (item.place, 2)
        stalled = Engine(connection, "stalled")
        before = engine.snapshot()
        with refused("SG004", '"stalled"', "claim 1"):
            stalled.complete(item, "late")
    assert engine.snapshot() == before
    engine.complete(successor, "in time")
    assert engine.status(run_id) == ("completed", "in time")
