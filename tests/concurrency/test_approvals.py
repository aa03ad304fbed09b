"""Decisions that meet each other, a time-out or a cancel: one of them decides, nobody deadlocks."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

WAIT: LiteralString = "select wait_id from stepgres.waits where run_id = %s"


@pytest.fixture
def order(engine: Engine) -> UUID:
    ask = {"title": "Ship it?", "quorum": 2, "timeout": 60, "when_rejected": "skip"}
    engine.define("order", step("ask", approval=ask), step("after", "ask"))
    return engine.start("order")


def approve(session: Engine, run_id: UUID, name: str) -> None:
    (wait_id,) = session.rows(WAIT, run_id)
    session.call("approve", wait_id=wait_id, decided_by=name)


def reject(session: Engine, run_id: UUID, name: str) -> None:
    (wait_id,) = session.rows(WAIT, run_id)
    session.call("reject", wait_id=wait_id, comment="no", decided_by=name)


def outcome(engine: Engine) -> str | None:
    (found,) = engine.rows("select outcome from stepgres.waits")
    return found if found is None else str(found)


def two(engine: Engine, sessions: Sessions) -> tuple[Engine, Engine]:
    return engine.on(sessions.connect()), engine.on(sessions.connect())


def test_quorum_that_two_sessions_reach_at_once_is_reached_once(
    engine: Engine, sessions: Sessions, order: UUID
) -> None:
    one, other = two(engine, sessions)
    with one.connection.transaction():
        approve(one, order, "Ann")
        second = sessions.until_blocked(other.connection, partial(approve, other, order, "Ben"))
    second.result(PATIENCE)
    assert outcome(engine) == "approved"
    assert [item.step_slug for item in engine.drain()] == ["after"]


def test_first_decision_that_rolls_back_does_not_count(
    engine: Engine, sessions: Sessions, order: UUID
) -> None:
    one, other = two(engine, sessions)
    with one.connection.transaction(force_rollback=True):
        reject(one, order, "Ann")
        second = sessions.until_blocked(other.connection, partial(approve, other, order, "Ben"))
    second.result(PATIENCE)
    assert outcome(engine) is None
    approve(engine, order, "Ann")
    assert outcome(engine) == "approved"
    engine.drain()


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_approve_and_reject_at_once_have_one_outcome(
    engine: Engine, sessions: Sessions, order: UUID, first: str
) -> None:
    approve(engine, order, "Cid")
    one, other = two(engine, sessions)
    calls = {"approve": approve, "reject": reject}
    second = next(name for name in calls if name != first)

    def act() -> None:
        with refused("SG034", f"was {'approved' if first == 'approve' else 'rejected'} by Ann"):
            calls[second](other, order, "Ben")

    with one.connection.transaction():
        calls[first](one, order, "Ann")
        late = sessions.until_blocked(other.connection, act)
    late.result(PATIENCE)
    assert outcome(engine) == {"approve": "approved", "reject": "rejected"}[first]
    engine.drain()


@pytest.mark.parametrize("first", ["approve", "tick"])
def test_approve_and_timeout_at_once_have_one_outcome(
    engine: Engine, sessions: Sessions, clock: Clock, order: UUID, first: str
) -> None:
    approve(engine, order, "Cid")
    clock.advance(60)
    one, other = two(engine, sessions)
    if first == "approve":
        with one.connection.transaction():
            approve(one, order, "Ann")
            other.call("tick")  # passes the locked run over
        engine.call("tick")
        assert outcome(engine) == "approved"
        engine.drain()
        return

    def act() -> None:
        with refused("SG034", "was timed_out at"):
            approve(other, order, "Ann")

    with one.connection.transaction():
        one.call("tick")
        late = sessions.until_blocked(other.connection, act)
    late.result(PATIENCE)
    assert outcome(engine) == "timed_out"


@pytest.mark.parametrize("first", ["approve", "cancel_workflow_run", "pause_workflow_run"])
def test_approve_and_other_calls_at_once_come_one_after_the_other(
    engine: Engine, sessions: Sessions, order: UUID, first: str
) -> None:
    approve(engine, order, "Cid")
    one, other = two(engine, sessions)

    def act() -> None:
        if first == "approve":
            other.call("cancel_workflow_run", run_id=order)
        elif first == "pause_workflow_run":
            approve(other, order, "Ann")
        else:
            with refused("SG034", "was cancelled at"):
                approve(other, order, "Ann")

    with one.connection.transaction():
        if first == "approve":
            approve(one, order, "Ann")
        else:
            one.call(first, run_id=order)
        late = sessions.until_blocked(other.connection, act)
    late.result(PATIENCE)
    if first == "pause_workflow_run":
        assert outcome(engine) is None
        engine.call("resume_workflow_run", run_id=order)
        engine.drain()
    assert outcome(engine) == ("cancelled" if first == "cancel_workflow_run" else "approved")


def test_decision_on_a_run_that_is_pruned_meanwhile_finds_nothing(
    engine: Engine, sessions: Sessions, order: UUID
) -> None:
    one, other = two(engine, sessions)
    engine.call("cancel_workflow_run", run_id=order)

    def act() -> None:
        with refused("SG033", "does not exist"):
            approve(other, order, "Ann")

    with one.connection.transaction():
        one.call("prune", older_than="0 seconds")
        late = sessions.until_blocked_or_done(other.connection, act)
    late.result(PATIENCE)


def test_many_deciders_at_once_lose_no_decision(engine: Engine, sessions: Sessions) -> None:
    engine.define("many", step("ask", approval={"title": "x", "quorum": 16}))
    run_id = engine.start("many")
    deciders = [engine.on(sessions.connect()) for _ in range(8)]

    def decide(session: Engine, number: int) -> None:
        for i in range(2):
            approve(session, run_id, f"{number} {i}")

    sessions.at_once(*(partial(decide, session, i) for i, session in enumerate(deciders)))
    assert outcome(engine) == "approved"
    assert len(engine.output(run_id)["decisions"]) == 16
