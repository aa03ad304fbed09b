"""Signals: what a sender may send, what becomes of it, and what lists say."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step
from tests.support.waiting import PATIENCE

MANY = 100_000
SEND_AND_TICK: LiteralString = (
    "select stepgres.tick() from stepgres.send_signal_by_key('paid', 'x5') as s"
    " where s.signal_id > 0"
)


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    engine.define("order", step("ask", wait_for="approved"))
    engine.define("keyed", step("pay", wait_for="paid", key="$.id"))
    return engine.start("order")


def send(engine: Engine, run_id: UUID, signal: str = "approved", **more: Any) -> Any:
    """The id of the signal, and the outcome."""
    return answer(engine, "send_signal", run_id=run_id, signal=signal, **more)


def send_by_key(engine: Engine, key: str, **more: Any) -> Any:
    return answer(engine, "send_signal_by_key", signal="paid", key=key, **more)


def answer(engine: Engine, function: str, **arguments: Any) -> Any:
    return engine._execute(function, arguments).fetchone()


# Sending


def test_signal_is_stored_with_what_the_sender_says_and_who_it_is(
    engine: Engine, run_id: UUID
) -> None:
    send_it: LiteralString = (
        "select signal_id, outcome from stepgres.send_signal(%s, 'note', '[1]', 'k', 'hook')"
    )
    sent = engine.rows(send_it, run_id)
    found = engine.rows(
        "select signal_id, signal, payload, idempotency_key, source, sent_by = session_user,"
        " wait_id, step_slug, key, expires_at from stepgres.list_signals(%s)",
        run_id,
    )
    ((signal_id, outcome),) = sent
    assert outcome == "sent"
    assert found == [(signal_id, "note", [1], "k", "hook", True, None, None, None, None)]


def test_payload_is_null_by_default(engine: Engine, run_id: UUID) -> None:
    send(engine, run_id)
    engine.call("tick")
    assert engine.output(run_id) is None


def test_rolled_back_signal_was_never_sent(engine: Engine, run_id: UUID) -> None:
    with engine.connection.transaction(force_rollback=True):
        send(engine, run_id, idempotency_key="k")
    assert engine.rows("select from stepgres.signals") == []
    assert send(engine, run_id, idempotency_key="k")[1] == "sent"


def test_signal_with_a_used_idempotency_key_is_a_duplicate(engine: Engine, run_id: UUID) -> None:
    first = send(engine, run_id, idempotency_key="k", payload="1")
    again = send(engine, run_id, idempotency_key="k", payload="2")
    assert (again[0], again[1]) == (first[0], "duplicate")
    assert send(engine, run_id, "other", idempotency_key="k")[1] == "sent"
    engine.call("tick")
    assert engine.output(run_id) == 1
    # a webhook that comes again after the end is no error
    assert send(engine, run_id, idempotency_key="k")[1] == "duplicate"
    with refused("SG011"):
        send(engine, run_id, idempotency_key="new")


def test_idempotency_key_by_key_counts_under_name_and_key(engine: Engine, run_id: UUID) -> None:
    first = send_by_key(engine, "1", idempotency_key="k")
    assert send_by_key(engine, "2", idempotency_key="k")[1] == "sent"
    assert send_by_key(engine, "1", idempotency_key="k") == (first[0], "duplicate")
    waiting = engine.start("keyed", {"id": 1})
    assert engine.status(waiting)[0] == "completed"
    assert send_by_key(engine, "1", idempotency_key="k") == (first[0], "duplicate")


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("SG003", {"signal": ""}, "''", "not the name"),
    ("SG003", {"signal": "a b"}, "'a b'", "not the name"),
    ("SG003", {"signal": "x" * 129}, "not the name", ""),
    ("SG003", {"signal": None}, "null", "not the name"),
    ("SG003", {"source": "x" * 2001}, "source", "2001"),
    ("SG003", {"idempotency_key": "x" * 2001}, "idempotency_key", "2001"),
    ("SG017", {"payload": Jsonb("x" * 1_000_000)}, "1000002 bytes", "too large"),
]


def test_bad_signal_is_refused(engine: Engine, run_id: UUID, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for sqlstate, options, *words in BAD:
        with subtests.test(**{name: str(value)[:20] for name, value in options.items()}):
            with refused(sqlstate, *words):
                engine.call("send_signal", **{"run_id": run_id, "signal": "x", **options})
            with refused(sqlstate, *words):
                engine.call("send_signal_by_key", **{"key": "7", "signal": "x", **options})
    for key in ("", "x" * 257, None):
        with refused("SG003", "the key of a signal has 1 to 256 characters"):
            send_by_key(engine, key)  # type: ignore[arg-type]
    for keep in ("0 seconds", "-1 seconds", "101 years", None):
        with refused("SG003", "cannot be kept for"):
            send_by_key(engine, "1", keep=keep)
    assert engine.snapshot() == before


def test_largest_payload_is_accepted(engine: Engine, run_id: UUID) -> None:
    send(engine, run_id, payload=Jsonb("x" * 999_998))
    engine.call("tick")
    assert engine.output(run_id) == "x" * 999_998


def test_signal_to_no_run_is_refused(engine: Engine) -> None:
    with refused("SG005", "does not exist"):
        send(engine, uuid4())
    with refused("SG005"):
        engine.call("list_signals", run_id=uuid4())


def test_run_keeps_a_thousand_unread_signals(engine: Engine, run_id: UUID) -> None:
    engine.connection.execute(
        "insert into stepgres.signals (run_id, signal, payload, sent_by, sent_at)"
        " select %s, 'note', '1', 'x', now() from generate_series(1, 999)",
        [run_id],
    )
    send(engine, run_id, "note", idempotency_key="k")
    with refused("SG028", f"run {run_id} has 1,000 unread signals"):
        send(engine, run_id)
    assert send(engine, run_id, "note", idempotency_key="k")[1] == "duplicate"
    send(engine, engine.start("order"))


def test_key_keeps_a_thousand_unread_signals(engine: Engine, run_id: UUID) -> None:
    fill_keys(engine, 1000, "'7'")
    with refused("SG028", 'key "7" of signal "paid" has 1,000 unread signals'):
        send_by_key(engine, "7")
    send_by_key(engine, "8")


def test_database_keeps_a_hundred_thousand_unread_signals_by_key(
    engine: Engine, run_id: UUID
) -> None:
    fill_keys(engine, MANY - 1, "i::text")
    send_by_key(engine, "last")
    with refused("SG028", "the database has 100,000 unread signals"):
        send_by_key(engine, "one more")
    engine.start("keyed", {"id": 5})  # consumes one
    send_by_key(engine, "one more")


def fill_keys(engine: Engine, count: int, key: LiteralString) -> None:
    engine.connection.execute(
        "insert into stepgres.signals"
        " (signal, key, payload, sent_by, sent_at, expires_at, is_new)"
        " select 'paid', " + key + ", '1', 'x', now(), now() + interval '1 day', false"
        " from generate_series(1, %s) as i",
        [count],
    )


# Kept and forgotten


def test_signal_by_key_is_kept_as_long_as_it_says(
    engine: Engine, run_id: UUID, clock: Clock
) -> None:
    send_by_key(engine, "1", keep="60 seconds")
    send_by_key(engine, "2", keep="3600 seconds")
    clock.advance(60)
    late = engine.start("keyed", {"id": 1})
    assert engine.status(late)[0] == "in_progress"
    engine.call("tick")
    assert engine.rows("select key from stepgres.signals") == ["2"]
    assert engine.status(engine.start("keyed", {"id": 2}))[0] == "completed"


def test_signal_whose_run_is_gone_is_forgotten(engine: Engine, run_id: UUID, db: Database) -> None:
    with db.connect() as sender, sender.transaction():
        send(engine.on(sender), run_id)
        engine.call("cancel_workflow_run", run_id=run_id)
        assert engine.call("prune", older_than="0 seconds") == 1
    assert len(engine.rows("select from stepgres.signals")) == 1
    engine.call("tick")
    assert engine.rows("select from stepgres.signals") == []


def test_signal_to_a_run_that_ended_meanwhile_stays_unread(
    engine: Engine, run_id: UUID, db: Database
) -> None:
    with db.connect() as sender, sender.transaction():
        send(engine.on(sender), run_id)
        engine.call("cancel_workflow_run", run_id=run_id)
    engine.call("tick")
    assert engine.rows("select is_new, wait_id from stepgres.signals") == [(False, None)]
    assert engine.call("tick") == 0


# Lists


def test_list_waits_filters_and_pages(engine: Engine, run_id: UUID) -> None:
    others = [engine.start("keyed", {"id": i}) for i in range(3)]
    query: LiteralString = "select run_id from stepgres.list_waits"
    assert engine.rows(query + "()") == [run_id, *others]
    assert engine.rows(query + "(workflow_slug => 'Keyed')") == others
    assert engine.rows(query + "(kind => 'signal', \"limit\" => 2)") == [run_id, others[0]]
    assert engine.rows(query + "(kind => 'approval')") == []
    assert engine.rows(query + "(%s)", others[1]) == [others[1]]
    ids = engine.rows("select wait_id from stepgres.list_waits()")
    assert engine.rows(query + "(after => %s)", ids[1]) == others[1:]
    send_by_key(engine, "1")
    engine.call("tick")
    assert engine.rows(query + "()") == [run_id, others[0], others[2]]
    assert engine.rows(query + "(%s)", others[1]) == []
    resolved = engine.rows(
        "select outcome, key, payload from stepgres.list_waits(%s, include_resolved => true)",
        others[1],
    )
    assert resolved == [("signalled", "1", None)]


def test_list_waits_refuses_what_it_cannot_list(engine: Engine, run_id: UUID) -> None:
    with refused("SG014", 'kind "task"'):
        engine.call("list_waits", kind="task")
    with refused("SG014", "limit -1"):
        engine.call("list_waits", limit=-1)
    with refused("SG014", "resolved waits are listed for one run"):
        engine.call("list_waits", include_resolved=True)
    with refused("SG005"):
        engine.call("list_waits", run_id=uuid4())
    with refused("SG014", "limit -1"):
        engine.call("list_signals", run_id=run_id, limit=-1)


def test_list_signals_pages(engine: Engine, run_id: UUID) -> None:
    for _ in range(3):
        send(engine, run_id, "note")
    ids = engine.rows("select signal_id from stepgres.list_signals(%s)", run_id)
    query: LiteralString = (
        'select signal_id from stepgres.list_signals(%s, "limit" => 1, after => %s)'
    )
    assert engine.rows(query, run_id, ids[0]) == [ids[1]]


# Notifications and costs


def test_signal_notifies_the_queues_of_live_workers_at_commit(
    engine: Engine, run_id: UUID, db: Database
) -> None:
    engine.colleague("other", queues=("default", "gpu"))
    with db.connect() as listener:
        listener.execute("listen stepgres_queue_default")
        listener.execute("listen stepgres_queue_gpu")
        with engine.connection.transaction():
            send(engine, run_id)
            assert list(listener.notifies(timeout=0)) == []
        told = listener.notifies(timeout=PATIENCE, stop_after=2)
        assert {notification.channel for notification in told} == {
            "stepgres_queue_default",
            "stepgres_queue_gpu",
        }


def buffers(connection: psycopg.Connection[Any], query: LiteralString, *arguments: Any) -> int:
    """The pages that a statement reads, in a session that has made its plans."""
    counts = []
    for _ in range(4):
        with connection.transaction(force_rollback=True):
            explain = "explain (analyze, buffers, timing off, summary off, format json) " + query
            row = connection.execute(explain.encode(), arguments).fetchone()
            assert row
            plan = row[0][0]["Plan"]
            counts.append(int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"]))
    return min(counts)


def open_waits(engine: Engine, first: int, last: int) -> None:
    """Runs that wait, written directly."""
    engine.connection.execute(
        """
        with made as (
            insert into stepgres.runs
                (run_id, workflow_slug, version, remaining_ends, inserted_at, input)
            select gen_random_uuid(), 'keyed', 1, 1, now(), jsonb_build_object('id', 'x' || i)
            from generate_series(%s::int, %s::int) as i
            returning run_id, input
        ),
        active as (
            insert into stepgres.active_runs select m.run_id, 'keyed', now() from made as m
        ),
        states as (
            insert into stepgres.step_states (
                run_id, step_slug, map, is_direct, is_leaf, is_end, status, remaining_deps,
                initial_tasks, remaining_tasks, started_at
            )
            select m.run_id, 'pay', false, false, true, true, 'started', 0, 0, 0, now()
            from made as m
        )
        insert into stepgres.waits (
            run_id, workflow_slug, step_slug, kind, signal, key, due_at, opened_at
        )
        select m.run_id, 'keyed', 'pay', 'signal', 'paid', m.input ->> 'id',
            now() + interval '1 day', now()
        from made as m
        """,
        [first, last],
    )


def test_signal_reads_as_much_among_many_waits_as_among_ten(
    engine: Engine, run_id: UUID, db: Database
) -> None:
    """A session that has made its plans while there were ten, and one that makes them now."""
    open_waits(engine, 1, 10)
    engine.call("tick")
    due: LiteralString = "update stepgres.waits set due_at = now() where key = 'x1'"
    engine.connection.execute(due)
    calls: list[tuple[LiteralString, tuple[Any, ...]]] = [
        ("select stepgres.send_signal(%s, 'approved')", (run_id,)),
        ("select stepgres.send_signal_by_key('paid', 'x5')", ()),
        ("select stepgres.next_due()", ()),
        ("select count(*) from stepgres.work('worker', capacity => 10)", ()),
        ("select stepgres.tick()", ()),  # one wait is due
        ("select count(*) from stepgres.list_waits()", ()),
        ("select count(*) from stepgres.list_waits(kind => 'approval')", ()),
        ("select count(*) from stepgres.list_waits(workflow_slug => 'order')", ()),
        (SEND_AND_TICK, ()),
    ]
    few = [buffers(engine.connection, query, *arguments) for query, arguments in calls]
    open_waits(engine, 11, MANY)
    engine.connection.execute("update stepgres.sweeps set swept_at = now() + interval '1 day'")
    old = [buffers(engine.connection, query, *arguments) for query, arguments in calls]
    with db.connect() as connection:
        new = [buffers(connection, query, *arguments) for query, arguments in calls]
    # The indexes are three levels deep instead of one.
    for (query, _), before, *after in zip(calls, few, old, new, strict=True):
        assert max(after) <= before * 2 + 60, query
    engine.connection.execute("delete from stepgres.sweeps")


def test_signal_during_a_pause_goes_to_the_wait_that_was_open_before(engine: Engine) -> None:
    steps = [step("a"), step("older", wait_for="go"), step("younger", "a", wait_for="go")]
    engine.define("two", *steps)
    run_id = engine.start("two")
    item = engine.claim_one()
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("send_signal", run_id=run_id, signal="go")
    engine.call("tick")
    engine.complete(item)
    engine.call("resume_workflow_run", run_id=run_id)
    assert engine.steps(run_id) == {"a": "completed", "older": "completed", "younger": "started"}
