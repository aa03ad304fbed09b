"""Results that arrive at the same time, and joins that start once all the same."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def tasks_of(engine: Engine, run_id: UUID, step_slug: str) -> list[str]:
    return [status for (slug, _), status in engine.tasks(run_id).items() if slug == step_slug]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_last_parents_at_once_start_the_join_once(
    engine: Engine, sessions: Sessions, order: str
) -> None:
    engine.define("order", step("a"), step("b"), step("join", "a", "b"))
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim()}
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.complete(items[order[0]], order[0])
        second = sessions.until_blocked(
            other.connection, lambda: other.complete(items[order[1]], order[1])
        )
        assert tasks_of(engine, run_id, "join") == []
    second.result(PATIENCE)
    assert engine.tickets() == [(run_id, "join", 0)]
    assert engine.claim_one().input == {"a": "a", "b": "b"}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_join_waits_for_the_parent_whose_result_was_rolled_back(
    engine: Engine, sessions: Sessions, order: str
) -> None:
    engine.define("order", step("a"), step("b"), step("join", "a", "b"))
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim()}
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=True):
        engine.complete(items[order[0]])
        second = sessions.until_blocked(other.connection, lambda: other.complete(items[order[1]]))
    second.result(PATIENCE)
    assert tasks_of(engine, run_id, "join") == []
    engine.complete(items[order[0]])
    assert tasks_of(engine, run_id, "join") == ["queued"]


def test_two_last_tasks_of_a_map_at_once_complete_it_once(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("each", map=True), step("sum", "each"))
    run_id = engine.start("order", [1, 2])
    one, two = engine.claim()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.complete(two, 20)
        second = sessions.until_blocked(other.connection, lambda: other.complete(one, 10))
    second.result(PATIENCE)
    assert engine.tickets() == [(run_id, "sum", 0)]
    assert engine.claim_one().input == {"each": [10, 20]}


def test_two_last_steps_at_once_complete_the_run_once(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.complete(b, 2)
        second = sessions.until_blocked(other.connection, lambda: other.complete(a, 1))
    second.result(PATIENCE)
    assert engine.output(run_id) == {"a": 1, "b": 2}


def test_same_result_twice_at_once_counts_once(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", [1, 2])
    item = engine.claim(1)[0]
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        assert engine.work([item.completed("first")]) == []
        second = sessions.until_blocked(
            other.connection, lambda: other.work([item.completed("second")])
        )
    assert [answer.is_refused for answer in second.result(PATIENCE)] == [True]
    query = "select remaining_tasks from stepgres.step_states where run_id = %s"
    assert engine.rows(query, run_id) == [1]


@pytest.mark.parametrize("first", ["completed", "failed"])
def test_completion_and_failure_at_once_have_one_end(
    engine: Engine, sessions: Sessions, first: str
) -> None:
    engine.define("order", step("a"), step("b"), step("join", "a", "b"))
    run_id = engine.start("order", {})
    a, b = engine.claim()
    results: dict[str, dict[str, Any]] = {
        "completed": a.completed("kept"),
        "failed": b.failed(retryable=False),
    }
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        assert engine.work([results.pop(first)]) == []
        ((_, result),) = results.items()
        second = sessions.until_blocked(other.connection, lambda: other.work([result]))
    is_refused = [answer.is_refused for answer in second.result(PATIENCE)]
    assert is_refused == ([] if first == "completed" else [True])
    a_is = "completed" if first == "completed" else "cancelled"
    assert engine.steps(run_id) == {"a": a_is, "b": "failed", "join": "cancelled"}
    assert engine.status(run_id)[0] == "failed"


def test_joins_of_many_runs_start_once_under_load(engine: Engine, sessions: Sessions) -> None:
    parents = [f"p{i}" for i in range(4)]
    engine.define("order", *map(step, parents), step("join", *parents))
    run_ids = engine.rows(
        "select stepgres.start_workflow_runs('order', to_jsonb(array_fill(1, array[150])))"
    )
    by_parent: dict[str, list[WorkItem]] = {parent: [] for parent in parents}
    for item in engine.claim():
        by_parent[item.step_slug].append(item)

    def complete_all(worker: Engine, items: list[WorkItem]) -> None:
        for i in range(0, len(items), 5):
            assert worker.work([item.completed() for item in items[i : i + 5]]) == []

    sessions.at_once(
        *(partial(complete_all, engine.on(sessions.connect()), by_parent[p]) for p in parents)
    )
    joins = engine.claim()
    assert sorted(item.run_id for item in joins) == sorted(run_ids)
    assert {item.place for item in joins} == {("join", 0)}
    assert engine.work([item.completed() for item in joins]) == []
    assert {engine.status(run_id)[0] for run_id in run_ids} == {"completed"}
