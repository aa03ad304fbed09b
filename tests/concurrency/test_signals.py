"""Signals and waits that meet: nothing is lost or counts twice, and nobody waits for senders."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

SEND: LiteralString = "select outcome from stepgres.send_signal(%s, 'approved', %s, %s)"
SEND_BY_KEY: LiteralString = "select outcome from stepgres.send_signal_by_key('paid', %s, %s)"


@pytest.fixture
def order(engine: Engine) -> None:
    engine.define("order", step("a"), step("ask", "a", wait_for="approved", timeout=60))
    engine.define("keyed", step("pay", wait_for="paid", key="$.id"), step("ship", "pay"))
    engine.define("simple", step("ask", wait_for="approved", timeout=60))


def send(sender: Connection[Any], run_id: UUID, payload: Any = 1, key: str | None = None) -> str:
    row = sender.execute(SEND, [run_id, Jsonb(payload), key]).fetchone()
    assert row
    return str(row[0])


def wait_of(engine: Engine, run_id: UUID) -> str | None:
    (outcome,) = engine.rows("select outcome from stepgres.waits where run_id = %s", run_id)
    return outcome if outcome is None else str(outcome)


@pytest.mark.usefixtures("order")
def test_signal_that_is_committed_after_the_wait_has_looked_for_it(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("order")
    item = engine.claim_one()
    sender = sessions.connect()
    with sender.transaction():
        send(sender, run_id, "late")
        engine.complete(item)  # opens the wait, which cannot see the signal
        assert wait_of(engine, run_id) is None
    engine.call("tick")
    assert engine.output(run_id) == "late"


@pytest.mark.usefixtures("order")
def test_signal_that_is_sent_while_a_wait_is_being_opened(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("order")
    item = engine.claim_one()
    with engine.connection.transaction():
        engine.complete(item)
        assert send(sessions.connect(), run_id, "meanwhile") == "sent"
        ticker = engine.on(sessions.connect())
        ticker.call("tick")  # the run is locked: the signal stays new
    engine.call("tick")
    assert engine.output(run_id) == "meanwhile"


@pytest.mark.usefixtures("order")
def test_sender_that_crashes_before_its_commit_has_sent_nothing(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("simple")
    crashing, next_one = sessions.connect(), sessions.connect()
    crashing.execute("begin")
    send(crashing, run_id, "lost", "k")
    again = sessions.until_blocked(next_one, partial(send, next_one, run_id, "kept", "k"))
    engine.call("tick")
    assert wait_of(engine, run_id) is None
    crashing.close()
    assert again.result(PATIENCE) == "sent"
    engine.call("tick")
    assert engine.output(run_id) == "kept"


@pytest.mark.usefixtures("order")
def test_second_sender_with_the_same_key_is_a_duplicate_of_the_first_that_commits(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("simple")
    first, second = sessions.connect(), sessions.connect()
    with first.transaction():
        send(first, run_id, "first", "k")
        again = sessions.until_blocked(second, partial(send, second, run_id, "second", "k"))
    assert again.result(PATIENCE) == "duplicate"
    engine.call("tick")
    assert engine.output(run_id) == "first"


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("is_ticked_meanwhile", [True, False])
def test_signal_is_unread_again_when_its_consumer_rolls_back(
    engine: Engine, sessions: Sessions, is_ticked_meanwhile: bool
) -> None:
    run_id = engine.start("order")
    send(engine.connection, run_id, "kept")
    item = engine.claim_one()
    with engine.connection.transaction(force_rollback=True):
        engine.complete(item)
        assert engine.status(run_id)[0] == "completed"
        if is_ticked_meanwhile:
            engine.on(sessions.connect()).call("tick")
    engine.call("tick")
    assert engine.rows("select wait_id from stepgres.signals") == [None]
    engine.complete(item)
    assert engine.output(run_id) == "kept"


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("is_ticked_meanwhile", [True, False])
def test_signal_by_key_is_unread_again_when_its_consumer_rolls_back(
    engine: Engine, sessions: Sessions, is_ticked_meanwhile: bool
) -> None:
    engine.rows(SEND_BY_KEY, "7", "1")
    with engine.connection.transaction(force_rollback=True):
        engine.start("keyed", {"id": 7})
        if is_ticked_meanwhile:
            engine.on(sessions.connect()).call("tick")
    engine.call("tick")
    run_id = engine.start("keyed", {"id": 7})
    assert engine.steps(run_id) == {"pay": "completed", "ship": "started"}


@pytest.mark.usefixtures("order")
def test_key_that_is_opened_and_sent_at_once_with_the_signal_committed_first(
    engine: Engine, sessions: Sessions
) -> None:
    opener = engine.on(sessions.connect())
    with opener.connection.transaction():
        run_id = opener.start("keyed", {"id": 7})
        engine.rows(SEND_BY_KEY, "7", "1")
        engine.call("tick")  # sees the signal, and no wait
    engine.call("tick")  # sees the wait
    assert engine.steps(run_id)["pay"] == "completed"


@pytest.mark.usefixtures("order")
def test_key_that_is_opened_and_sent_at_once_with_the_wait_committed_first(
    engine: Engine, sessions: Sessions
) -> None:
    sender = sessions.connect()
    with sender.transaction():
        sender.execute(SEND_BY_KEY, ["7", "1"])
        run_id = engine.start("keyed", {"id": 7})
        engine.call("tick")  # sees the wait, and no signal
        assert wait_of(engine, run_id) is None
    engine.call("tick")
    assert engine.steps(run_id)["pay"] == "completed"


@pytest.mark.usefixtures("order")
def test_signal_by_key_to_a_locked_run_waits_for_the_next_tick(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("keyed", {"id": 7})
    holder = sessions.connect()
    with holder.transaction():
        holder.execute("select from stepgres.runs where run_id = %s for no key update", [run_id])
        engine.rows(SEND_BY_KEY, "7", "1")
        engine.call("tick")
        assert wait_of(engine, run_id) is None
    engine.call("tick")
    assert engine.steps(run_id)["pay"] == "completed"


@pytest.mark.usefixtures("order")
def test_key_of_a_wait_that_is_being_opened_is_waited_for(
    engine: Engine, sessions: Sessions
) -> None:
    first, second = engine.on(sessions.connect()), engine.on(sessions.connect())
    with first.connection.transaction():
        holder = first.start("keyed", {"id": 7})
        started = sessions.until_blocked(
            second.connection, partial(second.start, "keyed", {"id": 7})
        )
    status, error = engine.status(started.result(PATIENCE))
    assert (status, f"run {holder}" in error) == ("failed", True)


@pytest.mark.usefixtures("order")
def test_key_of_a_wait_that_was_rolled_back_is_free(engine: Engine, sessions: Sessions) -> None:
    first, second = engine.on(sessions.connect()), engine.on(sessions.connect())
    with first.connection.transaction(force_rollback=True):
        first.start("keyed", {"id": 7})
        started = sessions.until_blocked(
            second.connection, partial(second.start, "keyed", {"id": 7})
        )
    assert wait_of(engine, started.result(PATIENCE)) is None


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("first", ["signal", "timeout"])
def test_signal_and_timeout_at_once_have_one_outcome(
    engine: Engine, sessions: Sessions, clock: Clock, first: str
) -> None:
    run_id = engine.start("simple")
    clock.advance(60)
    sender = sessions.connect()
    with sender.transaction():
        send(sender, run_id, "yes")
        if first == "timeout":
            engine.call("tick")
            assert engine.status(run_id)[0] == "failed"
    engine.call("tick")
    expected = {"signal": ("completed", "signalled"), "timeout": ("failed", "timed_out")}[first]
    assert (engine.status(run_id)[0], wait_of(engine, run_id)) == expected
    assert engine.rows("select is_new from stepgres.signals") == [False]


@pytest.mark.usefixtures("order")
def test_two_ticks_at_once_deliver_a_signal_once(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("keyed", {"id": 7})
    engine.rows(SEND_BY_KEY, "7", "1")
    one, other = engine.on(sessions.connect()), engine.on(sessions.connect())
    with one.connection.transaction():
        one.call("tick")
        assert other.call("tick") == 0
    assert engine.steps(run_id) == {"pay": "completed", "ship": "started"}
    assert len(engine.claim()) == 1


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("call", ["cancel_workflow_run", "pause_workflow_run"])
def test_signal_under_way_holds_up_no_change_of_its_run(
    engine: Engine, sessions: Sessions, call: str
) -> None:
    run_id = engine.start("simple")
    sender = sessions.connect()
    with sender.transaction():
        send(sender, run_id, "yes")
        engine.call(call, run_id=run_id)
    engine.call("tick")
    if call == "cancel_workflow_run":
        assert wait_of(engine, run_id) == "cancelled"
    else:
        assert wait_of(engine, run_id) is None
        engine.call("resume_workflow_run", run_id=run_id)
        assert engine.output(run_id) == "yes"


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("call", ["cancel_workflow_run", "resume_workflow_run", "tick"])
def test_calls_that_meet_a_delivery_come_after_it(
    engine: Engine, sessions: Sessions, call: str
) -> None:
    run_id = engine.start("simple")
    send(engine.connection, run_id, "yes")
    ticker, caller = engine.on(sessions.connect()), engine.on(sessions.connect())
    with ticker.connection.transaction():
        ticker.call("tick")
        arguments = {} if call == "tick" else {"run_id": run_id}

        def act() -> None:
            if call == "tick":
                caller.call("tick")
            else:
                with refused("SG011", "has completed"):
                    caller.call(call, **arguments)

        done = sessions.until_blocked_or_done(caller.connection, act)
    done.result(PATIENCE)
    assert engine.output(run_id) == "yes"


@pytest.mark.usefixtures("order")
def test_long_transaction_of_a_sender_delays_no_turn(engine: Engine, sessions: Sessions) -> None:
    """Everything that workers do ends while the sender's transaction is open."""
    run_ids = [engine.start("order") for _ in range(3)]
    items = engine.claim()
    sender = sessions.connect()
    with sender.transaction():
        for run_id in run_ids:
            send(sender, run_id, "yes")
        sender.execute(SEND_BY_KEY, ["7", "1"])
        worker = sessions.worker("other")
        worker.connection.execute("set lock_timeout = '1ms'")
        engine.connection.execute("set lock_timeout = '1ms'")
        assert engine.work([item.completed() for item in items]) == []
        worker.call("tick")
        keyed = worker.start("keyed", {"id": 7})
        worker.call("heartbeat", worker_id=worker.worker_id)
        worker.call("pause_workflow_run", run_id=keyed)
        worker.call("resume_workflow_run", run_id=keyed)
        worker.call("cancel_workflow_run", run_id=run_ids[0])
        worker.call("prune", older_than="0 seconds")
        assert worker.claim() == []
    engine.call("tick")
    assert [engine.output(run_id) for run_id in run_ids[1:]] == ["yes", "yes"]
    assert engine.steps(keyed)["pay"] == "completed"


@pytest.mark.usefixtures("order")
def test_thousand_signals_of_a_locked_run_hold_up_no_other_run(
    engine: Engine, sessions: Sessions
) -> None:
    locked, free = engine.start("simple"), engine.start("simple")
    engine.connection.execute(
        "insert into stepgres.signals (run_id, signal, payload, sent_by, sent_at)"
        " select %s, 'note', '1', 'x', now() from generate_series(1, 1000)",
        [locked],
    )
    send(engine.connection, free, "yes")
    holder = sessions.connect()
    with holder.transaction():
        holder.execute("select from stepgres.runs where run_id = %s for no key update", [locked])
        engine.call("tick")
        assert engine.output(free) == "yes"


@pytest.mark.usefixtures("order")
def test_wait_that_is_opened_in_an_old_snapshot_is_compared_again(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("order")
    item = engine.claim_one()
    old = engine.on(sessions.connect())
    old.connection.execute("begin isolation level repeatable read")
    old.rows("select from stepgres.runs")
    send(engine.connection, run_id, "yes")
    engine.call("tick")  # nobody waits yet
    old.complete(item)
    old.connection.execute("commit")
    engine.call("tick")
    assert engine.output(run_id) == "yes"


@pytest.mark.usefixtures("order")
def test_senders_and_ticks_at_once_lose_nothing(engine: Engine, sessions: Sessions) -> None:
    count = 40
    engine.define("many", *(step(f"s{i}", wait_for="go") for i in range(count)))
    run_id = engine.start("many")
    senders = [sessions.connect() for _ in range(4)]
    tickers = [engine.on(sessions.connect()) for _ in range(3)]

    def send_some(sender: Connection[Any]) -> None:
        for number in range(count // len(senders)):
            sender.execute("select stepgres.send_signal(%s, 'go', %s)", [run_id, Jsonb(number)])

    def tick_some(ticker: Engine) -> None:
        for _ in range(count):
            ticker.call("tick")

    sessions.at_once(
        *(partial(send_some, sender) for sender in senders),
        *(partial(tick_some, ticker) for ticker in tickers),
    )
    engine.call("tick")
    assert sorted(engine.output(run_id).values()) == sorted([*range(10)] * 4)
