"""What a heartbeat says of the tasks of a worker, and what it is told of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, refused, step


def key(item: WorkItem, **more: Any) -> dict[str, Any]:
    return {**item.key, "run_id": str(item.run_id), **more}


def beat(worker: Engine, *tasks: Any) -> list[tuple[str, int]]:
    """The tasks that the worker is told to give up."""
    answers = worker.items("heartbeat", worker_id=worker.worker_id, tasks=Jsonb(list(tasks)))
    assert all(answer.is_refused for answer in answers)
    return [answer.place for answer in answers]


def sweep(engine: Engine, clock: Clock) -> None:
    """A tick that looks at every active run."""
    engine.rows("delete from stepgres.sweeps returning 1")
    engine.call("tick")


@pytest.fixture
def item(engine: Engine, clock: Clock) -> WorkItem:
    """A task, leased to the worker for a minute more than its timeout of a minute."""
    engine.call("register_worker", worker_id="worker", lease="60 s")
    engine.define("order", step("a", timeout=60))
    engine.start("order")
    return engine.claim_one()


def test_tasks_that_are_leased_to_the_worker_are_not_mentioned(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    assert beat(engine, *map(key, engine.claim())) == []


def test_task_of_a_run_that_has_failed_is_to_be_given_up(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c"))
    engine.start("order")
    a, b, c = engine.claim()
    engine.fail(b, retryable=False)
    engine.start("order")
    others = engine.claim()
    assert beat(engine, key(a), key(b), key(c), *map(key, others)) == [("a", 0), ("b", 0), ("c", 0)]


def test_task_that_was_taken_over_is_to_be_given_up(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    Engine(engine.connection)  # the id is registered again
    engine.call("tick")
    again = engine.claim_one()
    assert (item.attempt, again.attempt) == (1, 2)
    assert beat(engine, key(item)) == [("a", 0)]
    assert beat(engine, key(again)) == []
    assert beat(Engine(engine.connection, "other"), key(again)) == [("a", 0)]


def test_progress_begins_a_timeout_anew(engine: Engine, clock: Clock, item: WorkItem) -> None:
    for _ in range(5):
        clock.advance(50)
        beat(engine, key(item, heartbeat_age=10))
        sweep(engine, clock)
    assert engine.rows("select error from stepgres.attempts") == []
    for _ in range(3):  # nothing more is heard of the step, though of its worker
        clock.advance(50)
        beat(engine, key(item, heartbeat_age=160))
        sweep(engine, clock)
    errors = engine.rows("select error from stepgres.attempts")
    assert errors == ["TimeoutError: took longer than 60 s"]


def test_task_without_progress_times_out_although_its_worker_lives(
    engine: Engine, clock: Clock, item: WorkItem
) -> None:
    for _ in range(3):
        clock.advance(50)
        beat(engine, key(item))
        sweep(engine, clock)
    errors = engine.rows("select error from stepgres.attempts")
    assert errors == ["TimeoutError: took longer than 60 s"]
    assert beat(engine, key(item)) == [("a", 0)]


def test_progress_of_another_claim_does_not_count(
    engine: Engine, clock: Clock, item: WorkItem
) -> None:
    clock.advance(50)
    beat(engine, {**key(item, heartbeat_age=0), "claim": 2})
    clock.advance(50)
    engine.call("heartbeat", worker_id="worker")
    clock.advance(50)
    sweep(engine, clock)
    assert engine.rows("select attempt from stepgres.attempts") == [1]


@pytest.mark.parametrize("function", ["heartbeat", "keep_tasks"])
@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"run_id": "x"}, "uuid"),
        ({"attempt": []}, "integer"),
        ({"heartbeat_age": -1}, "heartbeat_age is out of range"),
        ({"heartbeat_age": 1e13}, "heartbeat_age is out of range"),
        ("x", "must be a JSON object, not string"),
    ],
)
def test_malformed_task_is_named(engine: Engine, function: str, task: Any, words: str) -> None:
    good = {"run_id": str(UUID(int=1)), "step_slug": "a", "task_index": 0, "attempt": 1}
    tasks = Jsonb([good, {**good, **task} if isinstance(task, dict) else task])
    with refused("SG003", "tasks[1]: ", words):
        engine.call(function, worker_id="worker", tasks=tasks)
    for bad in (Jsonb({}), Jsonb(None), None):
        with refused("SG003", "tasks must be a JSON array"):
            engine.call(function, worker_id="worker", tasks=bad)
