"""Durable steps by SQL: checkpoints, suspension, what wakes a task, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, step


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    """A worker that knows durable steps."""
    with db.connect() as connection:
        engine = Engine(connection, features=["durable"])
        yield engine
        assert engine.stray_tickets() == []


def begin(engine: Engine, **options: Any) -> WorkItem:
    """A claimed task of a durable step."""
    engine.define("agent", step("body", durable=True, **options))
    engine.start("agent", {"n": 1})
    return engine.claim_one()


def save(engine: Engine, *checkpoints: Any, waits: Any = ()) -> list[Any]:
    """(name, number, outcome, output, is_refused) of the answers."""
    rows = engine.connection.execute(
        "select name, number, outcome, output, is_refused, wait_id"
        " from stepgres.save_checkpoints(%s, %s, %s)",
        [engine.worker_id, Jsonb(list(checkpoints)), Jsonb(list(waits))],
    ).fetchall()
    return [row[:5] for row in rows]


def kept(item: WorkItem) -> list[tuple[str, int, str | None, Any]]:
    """What the body has done: (name, number, outcome, output)."""
    return [
        (c["name"], c["number"], c.get("outcome"), c["output"]) for c in item.checkpoints["list"]
    ]


def sleep_of(item: WorkItem, number: int = 1, seconds: float = 60, **more: Any) -> dict[str, Any]:
    return item.operation("sleep", number, kind="sleep", seconds=seconds, **more)


def test_next_claim_has_the_checkpoints_of_the_task(engine: Engine) -> None:
    item = begin(engine)
    assert item.checkpoints == {"list": [], "after": None}
    assert save(engine, item.operation("run charge", output=7)) == []
    assert save(engine, item.operation("run charge", 2, error="no", error_type="ValueError")) == []
    engine.work([item.released()])
    again = engine.claim_one()
    assert kept(again) == [
        ("run charge", 1, "completed", 7),
        ("run charge", 2, "failed", None),
    ]
    assert again.attempt == 1


def test_tasks_of_other_steps_have_no_checkpoints(engine: Engine) -> None:
    engine.define("plain", step("a"), step("b", "a"))
    engine.start("plain")
    a = engine.claim_one()
    (b,) = engine.work([a.completed()], 1)
    assert (a.checkpoints, b.checkpoints) == (None, None)


def test_suspended_task_is_queued_when_its_wait_is_over(engine: Engine, clock: Clock) -> None:
    item = begin(engine, max_attempts=1)
    assert save(engine, waits=[sleep_of(item)]) == [("sleep", 1, None, None, False)]
    assert engine.work([item.suspended()], 10) == []
    assert engine.tasks(item.run_id) == {("body", 0): "waiting"}
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    again = engine.claim_one()
    assert kept(again) == [("sleep", 1, "completed", None)]
    assert (again.attempt, again.is_last_attempt) == (1, True)
    engine.complete(again, "done")
    engine.output(item.run_id)
