"""Suspensions that meet the end of their waits: no task is left to wait for what has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    """A worker that knows durable steps."""
    with db.connect() as connection:
        yield Engine(connection, features=["durable"])


def wait_for(engine: Engine, item: WorkItem, *signals: str) -> list[int]:
    """Open waits for signals, and return their ids."""
    waits = [item.operation(f"signal {s}", kind="signal", signal=s) for s in signals]
    rows = engine.connection.execute(
        "select wait_id from stepgres.save_checkpoints(%s, waits => %s)",
        [engine.worker_id, Jsonb(waits)],
    ).fetchall()
    return [wait_id for (wait_id,) in rows]


def send(engine: Engine, run_id: Any, signal: str) -> None:
    engine.call("send_signal", run_id=run_id, signal=signal)
    engine.call("tick")


@pytest.mark.parametrize("is_committed", [True, False])
def test_signal_during_the_transaction_of_a_suspension(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    other = engine.on(sessions.connect())
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = engine.claim_one()
    (wait_id,) = wait_for(engine, item, "on")
    with engine.connection.transaction(force_rollback=not is_committed):
        assert engine.work([item.suspended(wait_id)]) == []
        send(other, run_id, "on")  # the tick passes over the locked run
    engine.call("tick")
    if not is_committed:
        assert engine.work([item.suspended(wait_id)]) == []
    engine.complete(engine.claim_one())
    assert engine.status(run_id)[0] == "completed"


def test_wait_that_ends_during_the_transaction_of_a_claim(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    other = engine.on(sessions.connect())
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = engine.claim_one()
    first, second = wait_for(engine, item, "first", "second")
    engine.work([item.suspended(first, second)])
    send(engine, run_id, "first")
    clock.advance(1)
    engine.call("tick")
    with engine.connection.transaction():
        again = engine.claim_one()
        send(other, run_id, "second")  # nobody has told the body
    assert [c.get("outcome") for c in again.checkpoints["list"]] == ["signalled", None]
    engine.work([again.suspended(second)])
    last = engine.claim_one()
    assert [c["outcome"] for c in last.checkpoints["list"]] == ["signalled", "signalled"]
    engine.complete(last)


def test_cancel_waits_for_checkpoints_under_way(engine: Engine, sessions: Sessions) -> None:
    other = engine.on(sessions.connect())
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = engine.claim_one()
    with engine.connection.transaction():
        wait_for(engine, item, "on")
        cancelling = sessions.until_blocked_or_done(
            other.connection, lambda: other.call("cancel_workflow_run", run_id=run_id)
        )
    cancelling.result()
    assert engine.rows("select outcome from stepgres.waits") == ["cancelled"]
