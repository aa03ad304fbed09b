"""Every pair of calls that meet on one wait: whoever comes first, it is as if they came in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from psycopg import DatabaseError
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

LASTING = 60  # seconds: the timeout of each wait
STEPS: dict[str, dict[str, Any]] = {
    "signal": {"wait_for": "approved", "key": "$.id", "timeout": LASTING},
    "approval": {"approval": {"title": "Go?", "timeout": LASTING}},
    "child": {"workflow": "leaf"},
    "body_signal": {"durable": True},
    "body_approval": {"durable": True},
    "body_child": {"durable": True},
    "body_sleep": {"durable": True},
}
WAITS: dict[str, dict[str, Any]] = {
    "body_signal": {"kind": "signal", "signal": "approved", "key": "7", "timeout": LASTING},
    "body_approval": {"kind": "approval", "title": "Go?", "timeout": LASTING},
    "body_child": {"kind": "child", "workflow": "leaf", "input": {}},
    "body_sleep": {"kind": "sleep", "seconds": LASTING},
}
OF_SIGNALS = ["send", "send_by_key", "deliver", "time_out", "wake"]
OF_APPROVALS = ["approve", "reject", "time_out"]
OF_CHILDREN = ["complete_child", "fail_child", "hear_of_child"]
OF_RUNS = ["cancel", "pause", "resume", "prune"]
CALLS = {
    "signal": [*OF_SIGNALS, *OF_RUNS],
    "approval": [*OF_APPROVALS, *OF_RUNS],
    "child": [*OF_CHILDREN, *OF_RUNS],
    "body_signal": [*OF_SIGNALS, "suspend", *OF_RUNS],
    "body_approval": [*OF_APPROVALS, "suspend", *OF_RUNS],
    "body_child": [*OF_CHILDREN, "suspend", *OF_RUNS],
    "body_sleep": ["wake", "time_out", "suspend", *OF_RUNS],
}
# Senders lock nothing, and the others pass over what is locked: neither need see the other call.
PASSING = {"send", "send_by_key", "deliver", "time_out", "hear_of_child", "prune"}


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    """A worker that knows durable steps."""
    with db.connect() as connection:
        yield Engine(connection, features=["durable"])


class Scene:
    """A run with one open wait; a signal, a timeout or an end is there if a call is about it."""

    def __init__(self, engine: Engine, clock: Clock, kind: str, base: str, calls: set[str]) -> None:
        self.engine = engine
        self.run_id = engine.start(kind, {"id": 7})
        self.body: WorkItem | None = None
        self.child: WorkItem | None = None
        if kind in WAITS:
            self.body = engine.claim_one()
            wait = self.body.operation("it", **WAITS[kind])
            engine.rows("select stepgres.save_checkpoints('worker', waits => %s)", Jsonb([wait]))
        (self.wait_id,) = engine.rows("select wait_id from stepgres.waits")
        if self.body and "suspend" not in calls:
            self.suspend(engine)
        if kind in ("child", "body_child"):
            self.child = engine.claim_one()
        if "deliver" in calls:
            self.send(engine)
        if "hear_of_child" in calls:
            self.complete_child(engine)
        if base == "paused":
            engine.call("pause_workflow_run", run_id=self.run_id)
        if "time_out" in calls:
            clock.advance(LASTING)

    # The calls, in any session

    def send(self, session: Engine) -> None:
        session.call("send_signal", run_id=self.run_id, signal="approved")

    def send_by_key(self, session: Engine) -> None:
        session.call("send_signal_by_key", signal="approved", key="7")

    def approve(self, session: Engine) -> None:
        session.call("approve", wait_id=self.wait_id)

    def reject(self, session: Engine) -> None:
        session.call("reject", wait_id=self.wait_id, comment="no")

    def suspend(self, session: Engine) -> list[bool]:
        assert self.body
        return [item.is_refused for item in session.work([self.body.suspended(self.wait_id)])]

    def complete_child(self, session: Engine) -> list[bool]:
        assert self.child
        return [item.is_refused for item in session.work([self.child.completed("done")])]

    def fail_child(self, session: Engine) -> list[bool]:
        assert self.child
        failure = self.child.failed("no luck", retryable=False)
        return [item.is_refused for item in session.work([failure])]

    def prune(self, session: Engine) -> None:
        session.call("prune", older_than="0 seconds")

    def deliver(self, session: Engine) -> None:
        session.call("tick")

    time_out = hear_of_child = deliver

    def wake(self, session: Engine) -> int:
        number: int = session.call("wake_workflow_run", run_id=self.run_id)
        return number

    def cancel(self, session: Engine) -> None:
        session.call("cancel_workflow_run", run_id=self.run_id)

    def pause(self, session: Engine) -> None:
        session.call("pause_workflow_run", run_id=self.run_id)

    def resume(self, session: Engine) -> None:
        session.call("resume_workflow_run", run_id=self.run_id)

    def answer(self, call: str, session: Engine) -> Any:
        """What the call answers; an error of Stepgres is an answer, and the transaction goes on."""
        act: Callable[[Engine], Any] = getattr(self, call)
        try:
            with session.connection.transaction():
                return act(session)
        except DatabaseError as error:
            return error.sqlstate

    def end(self) -> Any:
        """What has become of the wait when nothing happens any more; then all of it is deleted."""
        engine = self.engine
        engine.call("tick")
        is_paused = self.answer("resume", engine) is None
        engine.call("tick")
        engine.call("tick")  # a child that was cancelled with its parent
        ends = engine.rows(
            "select r.status, t.status, w.outcome, k.status, k.attempt, c.status, c.paused_at"
            " from stepgres.runs as r join stepgres.waits as w using (run_id)"
            " join stepgres.step_states as t using (run_id)"
            " left join stepgres.tasks as k using (run_id)"
            " left join stepgres.runs as c on c.run_id = w.child_run_id"
            " where r.run_id = %s",
            self.run_id,
        )
        assert engine.rows("select * from stepgres.fsck()") == []
        self.answer("cancel", engine)
        engine.call("tick")
        self.prune(engine)
        engine.connection.execute("delete from stepgres.signals where run_id is null")
        assert engine.rows("select from stepgres.waits") == []
        assert engine.rows("select from stepgres.signals") == []
        assert engine.rows("select from stepgres.runs") == []
        return (is_paused, *ends)


@pytest.mark.parametrize("base", ["active", "paused"])
@pytest.mark.parametrize("kind", CALLS)
def test_two_calls_at_once_on_a_wait_are_as_one_after_the_other(
    engine: Engine, sessions: Sessions, clock: Clock, base: str, kind: str
) -> None:
    engine.define("leaf", step("work"))
    engine.define(kind, step("ask", **STEPS[kind]))
    one, other = engine.on(sessions.connect()), engine.on(sessions.connect())
    seen_in_turn: dict[tuple[Any, ...], Any] = {}

    def in_turn(pair: set[str], *calls: str) -> Any:
        key = (frozenset(pair), calls)
        if key not in seen_in_turn:
            scene = Scene(engine, clock, kind, base, pair)
            answers = {call: scene.answer(call, engine) for call in calls}
            seen_in_turn[key] = (answers, scene.end())
        return seen_in_turn[key]

    for first, second in permutations(CALLS[kind], 2):
        pair = {first, second}
        scene = Scene(engine, clock, kind, base, pair)
        with one.connection.transaction():
            answer = scene.answer(first, one)
            done = sessions.until_blocked_or_done(
                other.connection, partial(scene.answer, second, other)
            )
        seen = ({first: answer, second: done.result(PATIENCE)}, scene.end())
        allowed = [in_turn(pair, first, second), in_turn(pair, second, first)]
        for call in pair & PASSING:
            answers, end = in_turn(pair, *(pair - {call}))
            allowed.append((answers | {call: None}, end))
        assert seen in allowed, (first, second)
