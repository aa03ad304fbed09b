"""Events of waits and signals: what the view shows, and what subscribers are told."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.messages.test_catch_up_events import Event, Follower, by_run, listed, names
from tests.support.engine import Engine, step


def send(engine: Engine, run_id: Any, payload: Any = 1) -> None:
    engine.call("send_signal", run_id=run_id, signal="approved", payload=Jsonb(payload))


def without_signals(events: list[Event]) -> list[Event]:
    return [event for event in events if event[0] != "signal_sent"]


def test_events_of_a_wait_in_order(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("b", "ask"))
    run_id = engine.start("order")
    clock.advance(1)
    send(engine, run_id)
    engine.call("tick")
    assert names(listed(engine, run_id)) == [
        "workflow_started",
        "step_started ask",
        "wait_opened ask",
        "signal_sent",
        "wait_resolved ask",
        "step_completed ask",
        "step_started b",
    ]


def test_events_of_waits_are_told_as_the_view_has_them(engine: Engine, clock: Clock) -> None:
    everything = Follower(engine)
    assert everything.told() == []
    engine.define("order", step("a"), step("ask", "a", wait_for="approved", timeout=30))
    engine.define("keyed", step("pay", wait_for="paid", key="$.id", timeout=30))
    engine.call("send_signal_by_key", signal="paid", key="1")
    told, late, cancelled, early = [engine.start("order") for _ in range(4)]
    paid, unpaid = engine.start("keyed", {"id": 1}), engine.start("keyed", {"id": 2})
    send(engine, early)
    clock.advance(1)
    engine.call("tick")
    for item in engine.claim():
        engine.complete(item)
    clock.advance(1)
    send(engine, told)
    send(engine, late, "unread")  # consumed at the time-out: it came in time
    engine.call("cancel_workflow_run", run_id=cancelled)
    clock.advance(30)
    engine.call("tick")
    run_ids = (told, late, cancelled, early, paid, unpaid)
    events = everything.told()
    shown = listed(engine, *sorted(run_ids, key=str))
    assert sorted(map(repr, events)) == sorted(map(repr, shown))
    # In the order of each run, but for signals: they are told when they are delivered.
    assert by_run(without_signals(events)) == by_run(without_signals(shown))
    assert {event[0] for event in events} >= {"signal_sent", "wait_opened", "wait_resolved"}


def test_later_subscriber_is_told_of_waits_once(engine: Engine, db: Database) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("b", wait_for="other"))
    run_id = engine.start("order")
    send(engine, run_id)
    follower = Follower(engine, run_id=run_id)
    with db.connect() as sender, sender.transaction():
        send(engine.on(sender), run_id, 2)
        assert names(follower.told()) == names(listed(engine, run_id))
    engine.call("tick")
    assert names(follower.told()) == [
        "signal_sent", "signal_sent", "wait_resolved ask", "step_completed ask"
    ]  # fmt: skip
    follower.position = None
    assert sorted(names(follower.told())) == sorted(names(listed(engine, run_id)))


def test_without_subscribers_waits_record_nothing(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    send(engine, engine.start("order"))
    engine.call("tick")
    assert engine.rows("select from stepgres.recent_events") == []


def test_events_of_approvals_are_told_as_the_view_has_them(engine: Engine, clock: Clock) -> None:
    everything = Follower(engine)
    assert everything.told() == []
    ask = {"title": "Ship it?", "when_rejected": "skip"}
    engine.define("order", step("ask", approval=ask), step("b", "ask"))
    approved, rejected = engine.start("order"), engine.start("order")
    clock.advance(1)
    for run_id, function in ((approved, "approve"), (rejected, "reject")):
        (wait_id,) = engine.rows("select wait_id from stepgres.list_approvals(null, %s)", run_id)
        more = {"comment": "no"} if function == "reject" else {}
        engine.call(function, wait_id=wait_id, decided_by="Ann", **more)
    events = everything.told()
    shown = listed(engine, *sorted((approved, rejected), key=str))
    assert by_run(events) == by_run(shown)
    errors = [event[-1] for event in shown if event[0] == "wait_resolved"]
    assert set(errors) == {None, 'approval "Ship it?" was rejected by Ann: no'}
