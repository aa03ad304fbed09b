"""Tasks that a dead worker had claimed ahead: only what it had surely begun costs an attempt."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.support.engine import Engine, WorkItem, step


def claim(engine: Engine, capacity: int, begins: int | None = None) -> list[WorkItem]:
    return engine.items("work", worker_id=engine.worker_id, capacity=capacity, begins=begins)


def die(engine: Engine) -> None:
    """The worker begins anew, which takes over what it held before."""
    engine.call("register_worker", worker_id=engine.worker_id)


def facts(items: list[WorkItem]) -> set[tuple[Any, ...]]:
    return {(item.attempt, item.claim, item.must_begin) for item in items}


def failures(engine: Engine) -> list[Any]:
    return engine.rows("select step_slug, attempt from stepgres.attempts order by 1, 2")


def test_death_costs_no_attempt_of_tasks_that_could_not_begin_at_once(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1))
    run_id = engine.start("order", [1, 2, 3])
    assert facts(claim(engine, 3, begins=0)) == {(1, 1, False)}
    die(engine)
    assert failures(engine) == []
    again = claim(engine, 3, begins=3)
    assert facts(again) == {(1, 2, True)}
    engine.work([item.completed(item.input) for item in again])
    assert engine.output(run_id) == [1, 2, 3]


def test_second_death_counts(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b", max_attempts=2))
    run_id = engine.start("order")
    assert len(claim(engine, 2, begins=0)) == 2
    die(engine)
    # it says must_begin, so it counts whatever the worker does
    assert facts(claim(engine, 2, begins=0)) == {(1, 2, True)}
    die(engine)
    assert failures(engine) == [("a", 1), ("b", 1)]
    assert engine.status(run_id)[0] == "failed"


def test_first_tasks_of_an_answer_are_those_that_begin(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    engine.start("order", list(range(5)))
    engine.define("urgent", step("a"))
    engine.start("urgent", priority=3)
    claims = "select step_slug, task_index from stepgres.work('worker', capacity => 6, begins => 2)"
    assert engine.rows(claims) == [("a", 0), *(("each", i) for i in range(5))]
    die(engine)
    lost = "select step_slug from stepgres.attempts order by 1"
    assert engine.rows(lost) == ["a", "each"]
    engine.call("tick")
    assert sorted(item.must_begin is True for item in claim(engine, 6)) == [False] * 2 + [True] * 4
    engine.call("unregister_worker", worker_id="worker")
    Engine(engine.connection, "worker").drain()


def test_death_counts_for_a_claim_that_could_begin_at_once(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    assert len(claim(engine, 5, begins=2)) == 2
    die(engine)
    assert failures(engine) == [("a", 1), ("b", 1)]
    engine.call("tick")
    assert facts(claim(engine, 5)) == {(2, 2, False)}
    die(engine)
    assert len(failures(engine)) == 4
    engine.call("tick")
    engine.drain()


def test_steps_that_are_handed_over_count_among_what_begins(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    for _ in range(2):
        engine.start("order")
    results = [item.completed() for item in claim(engine, 2)]
    items = engine.items("work", worker_id="worker", results=Jsonb(results), capacity=2, begins=0)
    assert {item.step_slug for item in items} == {"b"}
    die(engine)
    assert failures(engine) == []
    again = claim(engine, 2)
    assert facts(again) == {(1, 2, True)}
    items = engine.items(
        "work", worker_id="worker", results=Jsonb([item.completed() for item in again]),
        capacity=2, begins=2,
    )  # fmt: skip
    assert {item.step_slug for item in items} == {"c"}
    die(engine)
    assert failures(engine) == [("c", 1), ("c", 1)]
    engine.call("tick")
    engine.drain()


def test_release_forgets_that_a_task_was_claimed_ahead(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    engine.work([item.released() for item in claim(engine, 2, begins=0)])
    assert facts(claim(engine, 2)) == {(1, 2, False)}
    die(engine)
    assert failures(engine) == [("a", 1), ("b", 1)]
    engine.call("tick")
    engine.drain()
