"""critical_path: the steps that the time of a run went to, and what it went to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step

KINDS = ("queued", "limited", "waited", "retrying", "running")


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        yield Engine(connection, features=["durable", "limits"])


def path(engine: Engine, run_id: UUID) -> list[tuple[str, int | None, dict[str, float]]]:
    """Each step with its task and the seconds of each kind that has any."""
    found = []
    before = None
    for slug, index, _, started_at, finished_at, *spent in engine._execute(
        "critical_path", {"run_id": run_id}
    ).fetchall():
        assert before in (None, started_at)
        if finished_at:
            assert sum(spent, timedelta()) == finished_at - started_at
        before = finished_at
        seconds = {k: s.total_seconds() for k, s in zip(KINDS, spent, strict=True) if s}
        found.append((slug, index, seconds))
    return found


def test_path_of_a_diamond_goes_through_the_slow_step(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
    run_id = engine.start("order")
    clock.advance(1)
    a = engine.claim_one()
    clock.advance(2)
    engine.complete(a)
    items = {item.step_slug: item for item in engine.claim()}
    clock.advance(3)
    engine.complete(items["b"])
    clock.advance(4)
    engine.complete(items["c"])
    clock.advance(5)
    d = engine.claim_one()
    clock.advance(6)
    engine.complete(d)
    assert path(engine, run_id) == [
        ("a", 0, {"queued": 1, "running": 2}),
        ("c", 0, {"running": 7}),
        ("d", 0, {"queued": 5, "running": 6}),
    ]


def test_slowest_task_of_a_map_counts(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True), step("sum", "each"))
    run_id = engine.start("order", [1, 2, 3])
    first, second, third = engine.claim()
    clock.advance(1)
    engine.complete(first)
    clock.advance(1)
    engine.complete(third)
    clock.advance(1)
    engine.complete(second)
    engine.drain()
    assert path(engine, run_id) == [("each", 1, {"running": 3}), ("sum", 0, {})]


def test_failed_attempts_and_the_time_between_them_are_retrying(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    clock.advance(1)
    item = engine.claim_one()
    clock.advance(2)
    engine.fail(item, retry_after="10 seconds")
    assert path(engine, run_id) == [("a", 0, {"queued": 1, "retrying": 2})]
    clock.advance(10)
    engine.call("tick")
    clock.advance(3)
    assert path(engine, run_id) == [("a", 0, {"queued": 4, "retrying": 12})]
    item = engine.claim_one()
    clock.advance(4)
    engine.complete(item)
    assert path(engine, run_id) == [("a", 0, {"queued": 4, "retrying": 12, "running": 4})]


def test_failed_run_ends_with_the_step_that_failed_it(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", max_attempts=1), step("b"), step("c", "a"))
    run_id = engine.start("order")
    items = {item.step_slug: item for item in engine.claim()}
    clock.advance(2)
    engine.fail(items["a"])
    assert path(engine, run_id) == [("a", 0, {"retrying": 2})]


def test_waits_of_steps_and_delays_are_waited(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("paid", wait_for="paid"), step("late", "paid", start_delay=60))
    run_id = engine.start("order", delay="5 seconds")
    clock.advance(5)
    engine.call("tick")
    clock.advance(7)
    engine.call("send_signal", run_id=run_id, signal="paid", payload=Jsonb(1))
    engine.call("tick")
    clock.advance(60)
    engine.call("tick")
    clock.advance(1)
    item = engine.claim_one()
    clock.advance(2)
    engine.complete(item)
    assert path(engine, run_id) == [
        ("paid", None, {"waited": 12}),
        ("late", 0, {"queued": 1, "waited": 60, "running": 2}),
    ]


def test_waits_of_a_durable_step_are_waited(engine: Engine, clock: Clock) -> None:
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    clock.advance(1)
    item = engine.claim_one()
    clock.advance(2)
    sleep = item.operation("sleep", kind="sleep", seconds=100)
    engine.call(
        "save_checkpoints", worker_id=engine.worker_id, checkpoints=Jsonb([]), waits=Jsonb([sleep])
    )
    engine.work([item.suspended()])
    clock.advance(50)
    assert path(engine, run_id) == [("body", 0, {"queued": 1, "waited": 50, "running": 2})]
    clock.advance(50)
    engine.call("tick")
    clock.advance(3)
    item = engine.claim_one()
    clock.advance(4)
    engine.fail(item, retry_after="10 seconds")
    clock.advance(10)
    engine.call("tick")
    item = engine.claim_one()
    clock.advance(5)
    engine.complete(item)
    spent: dict[str, Any] = {"queued": 4, "waited": 100, "retrying": 14, "running": 7}
    assert path(engine, run_id) == [("body", 0, spent)]


def test_time_in_a_line_is_limited(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="one", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "one"}]))
    engine.start("order")
    run_id = engine.start("order")
    first = engine.claim_one()
    clock.advance(3)
    engine.complete(first)
    item = engine.claim_one()
    clock.advance(2)
    engine.complete(item)
    assert path(engine, run_id) == [("a", 0, {"limited": 3, "running": 2})]


def test_path_of_an_active_run_ends_with_the_step_that_it_is_at(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
    run_id = engine.start("order")
    clock.advance(1)
    assert path(engine, run_id) == [("a", 0, {"queued": 1})]
    engine.drain({"a": lambda _: clock.advance(2)})[0]
    assert engine.status(run_id)[0] == "completed"
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    items = {item.step_slug: item for item in engine.claim()}
    clock.advance(5)
    engine.complete(items["b"])
    clock.advance(5)
    assert path(engine, run_id) == [("a", 0, {}), ("c", 0, {"running": 10})]


def test_retry_has_the_steps_that_it_has_executed(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a", max_attempts=1))
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    clock.advance(1)
    engine.fail(engine.claim_one())
    clock.advance(1)
    retry = engine.call("retry_failed_workflow", run_id=run_id)
    clock.advance(1)
    engine.drain()
    assert path(engine, retry) == [("b", 0, {"queued": 1})]


def test_run_that_has_not_begun_has_no_path(engine: Engine) -> None:
    engine.define("order", step("a"))
    assert path(engine, engine.start("order", delay="1 day")) == []
    with refused("SG005", "does not exist"):
        path(engine, uuid4())
