"""Starts, ends and debounces of runs with one unique_key, at the same time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from psycopg import DatabaseError, IsolationLevel
from psycopg.errors import SerializationFailure
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

KEY: dict[str, Any] = {"unique_key": "k"}
CANCEL: dict[str, Any] = {**KEY, "if_running": "cancel"}
DEBOUNCE: dict[str, Any] = {**KEY, "debounce": "10 s"}
# of the runs that have begun, a key may have one
_BEGUN_TWICE: LiteralString = """
    select r.unique_key from stepgres.runs as r
    where r.status = 'started' and r.unique_key is not null and exists (
        select from stepgres.step_states as s
        where s.run_id = r.run_id and s.status <> 'created'
    )
    group by r.unique_key
    having count(*) > 1
"""


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.define("order", step("a"))
    return engine


def active(engine: Engine) -> list[UUID]:
    return engine.rows("select run_id from stepgres.active_runs")


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("options", [KEY, DEBOUNCE])
def test_start_waits_for_the_one_under_way(
    engine: Engine, sessions: Sessions, options: dict[str, Any], is_committed: bool
) -> None:
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        first = engine.start("order", 1, **options)
        start = sessions.until_blocked(other.connection, lambda: other.start("order", 2, **options))
    assert (start.result(PATIENCE) == first) is is_committed
    assert active(engine) == [start.result(PATIENCE)]


@pytest.mark.parametrize("options", [KEY, DEBOUNCE])
def test_many_starts_are_one_run(
    engine: Engine, sessions: Sessions, options: dict[str, Any]
) -> None:
    others = [engine.on(sessions.connect()) for _ in range(12)]
    run_ids = sessions.at_once(
        *(partial(other.start, "order", i, **options) for i, other in enumerate(others))
    )
    assert set(run_ids) == {*active(engine)}
    assert len(active(engine)) == 1


def test_many_rejected_starts_are_one_run(engine: Engine, sessions: Sessions) -> None:
    others = [engine.on(sessions.connect()) for _ in range(8)]

    def start(other: Engine) -> UUID | None:
        try:
            return other.start("order", 1, **KEY, if_running="reject")
        except DatabaseError as error:
            if error.sqlstate != "SG038":
                raise
            return None

    run_ids = sessions.at_once(*(partial(start, other) for other in others))
    assert [run_id for run_id in run_ids if run_id is not None] == active(engine)


def test_many_cancelling_starts_leave_one_run(engine: Engine, sessions: Sessions) -> None:
    others = [engine.on(sessions.connect()) for _ in range(8)]
    run_ids = sessions.at_once(
        *(partial(other.start, "order", i, **CANCEL) for i, other in enumerate(others))
    )
    assert len({*run_ids}) == 8
    assert len(active(engine)) == 1
    assert engine.rows("select count(*) from stepgres.runs where cancelled_at is not null") == [7]


def test_starts_of_all_kinds_leave_one_run_and_one_that_waits(
    engine: Engine, sessions: Sessions
) -> None:
    others = [engine.on(sessions.connect()) for _ in range(12)]
    kinds = [KEY, CANCEL, DEBOUNCE]
    sessions.at_once(
        *(partial(other.start, "order", i, **kinds[i % 3]) for i, other in enumerate(others))
    )
    assert 1 <= len(active(engine)) <= 2
    waiting = engine.rows("select is_waiting from stepgres.unique_runs order by 1")
    assert waiting in ([False], [False, True])


def test_start_that_finds_an_active_run_holds_up_nobody(engine: Engine, sessions: Sessions) -> None:
    """A webhook may take long to commit."""
    engine.start("order", 1, **KEY)
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.start("order", 2, **KEY)
        sessions.without_waiting(engine.connection, lambda: engine.complete(item))


def test_start_that_replaces_an_input_holds_up_neither_the_active_run_nor_tick(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    engine.start("order", 1, **KEY)
    waiting = engine.start("order", 2, **DEBOUNCE)
    clock.advance(10)
    engine.call("tick")
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.start("order", 3, **DEBOUNCE)
        sessions.without_waiting(engine.connection, lambda: engine.complete(item))
        sessions.without_waiting(engine.connection, lambda: engine.call("tick"))
    clock.advance(10)
    engine.call("tick")
    assert [(item.run_id, item.input) for item in engine.claim()] == [(waiting, 3)]


def test_tick_does_not_wait_for_a_start(engine: Engine, sessions: Sessions, clock: Clock) -> None:
    engine.start("order", 1, **DEBOUNCE)
    clock.advance(10)
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.start("order", 2, **CANCEL)
        sessions.without_waiting(engine.connection, lambda: engine.call("tick"))
    engine.call("tick")
    assert [item.input for item in engine.claim()] == [2]


@pytest.mark.parametrize("options", [KEY, CANCEL])
def test_start_during_the_end_of_the_active_run(
    engine: Engine, sessions: Sessions, options: dict[str, Any]
) -> None:
    """A start returns a run that is about to end; a start that cancels waits, and starts."""
    first = engine.start("order", 1, **KEY)
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.complete(item)
        start = sessions.until_blocked_or_done(
            other.connection, lambda: other.start("order", 2, **options)
        )
    assert (start.result(PATIENCE) == first) is (options is KEY)
    assert engine.status(first)[0] == "completed"


def test_debounce_during_the_begin_of_the_waiting_run(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    first = engine.start("order", 1, **DEBOUNCE)
    clock.advance(10)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("tick")
        start = sessions.until_blocked(
            other.connection, lambda: other.start("order", 2, **DEBOUNCE)
        )
    assert start.result(PATIENCE) != first
    assert engine.call("get_run_input", run_id=first) == 1


def test_end_under_way_while_the_next_run_is_held_delays_it_by_ten_seconds(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    engine.start("order", 1, **KEY)
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.complete(item)
        other.start("order", 2, **DEBOUNCE)
        clock.advance(10)
        sessions.without_waiting(other.connection, lambda: other.call("tick"))
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(10)
    engine.call("tick")
    assert engine.claim_one().input == 2


def test_retries_of_one_run_at_once_start_one(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("order", 1, **KEY)
    engine.fail(engine.claim_one(), retryable=False)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        retry = engine.call("retry_failed_workflow", run_id=run_id)
        second = sessions.until_blocked(
            other.connection, lambda: other.call("retry_failed_workflow", run_id=run_id)
        )
    with refused("SG038", str(retry)):
        second.result(PATIENCE)


def test_retries_with_one_idempotency_key_at_once_are_one(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("order", 1)
    engine.fail(engine.claim_one(), retryable=False)
    others = [engine.on(sessions.connect()) for _ in range(6)]
    retry = {"run_id": run_id, "idempotency_key": "i"}
    new_ids = sessions.at_once(
        *(partial(other.call, "retry_failed_workflow", **retry) for other in others)
    )
    assert {*new_ids} == {*active(engine)}


def test_same_idempotency_key_with_two_unique_keys_is_one_run(
    engine: Engine, sessions: Sessions
) -> None:
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        first = engine.start("order", 1, unique_key="k", idempotency_key="i")
        start = sessions.until_blocked(
            other.connection,
            lambda: other.start("order", 2, unique_key="other", idempotency_key="i"),
        )
    assert start.result(PATIENCE) == first
    assert engine.rows("select unique_key from stepgres.unique_runs") == ["k"]


@pytest.mark.parametrize("options", [CANCEL, DEBOUNCE])
def test_start_with_a_parent_and_cancel_of_the_parent_do_not_deadlock(
    engine: Engine, sessions: Sessions, options: dict[str, Any]
) -> None:
    old = engine.start("order", 1, **(KEY if options is CANCEL else DEBOUNCE))
    parent = engine.start("order", 2)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.rows("select from stepgres.runs where run_id = %s for no key update", old)
        start = sessions.until_blocked(
            other.connection, lambda: other.start("order", 3, parent_run_id=parent, **options)
        )
        engine.call("cancel_workflow_run", run_id=parent)
    with refused("SG011", str(parent)):
        start.result(PATIENCE)
    assert active(engine) == [old]


def test_start_in_an_old_snapshot_is_a_serialization_failure(
    engine: Engine, sessions: Sessions
) -> None:
    other = engine.on(sessions.connect())
    other.connection.isolation_level = IsolationLevel.REPEATABLE_READ
    with other.connection.transaction():
        other.rows("select count(*) from stepgres.runs")
        engine.start("order", 1, **KEY)
        with pytest.raises(SerializationFailure):
            other.start("order", 2, **KEY)
    assert len(active(engine)) == 1


def change(other: Engine, random: Random) -> None:
    """Start, cancel or retry a run."""
    runs = "select run_id from stepgres.{} order by random() limit 1"
    kind = random.choice(["key", "reject", "cancel", "debounce", "debounce", "end", "retry"])
    if kind in ("end", "retry"):
        table = "active_runs" if kind == "end" else "failed_runs"
        function = "cancel_workflow_run" if kind == "end" else "retry_failed_workflow"
        for run_id in other.rows(runs.format(table)):
            other.call(function, run_id=run_id)
        return
    options: dict[str, Any] = {"unique_key": random.choice("xy")}
    if kind in ("reject", "cancel"):
        options["if_running"] = kind
    elif kind == "debounce":
        options |= {"debounce": "10 ms", "debounce_max": "50 ms"}
    if random.random() < 0.3:
        (options["parent_run_id"],) = other.rows(runs.format("active_runs")) or [None]
    other.start("order", 1, **options)


def test_storm_of_starts_leaves_one_begun_run_a_key(engine: Engine, sessions: Sessions) -> None:
    """No deadlock, no second run that has begun, no key of a run that has ended."""
    engine.define("order", step("a", max_attempts=1), step("b", "a"))
    ends = Event()

    def storm(number: int) -> Counter[str]:
        random, other = Random(number), sessions.worker(f"starter {number}")
        refusals = Counter[str]()
        for _ in range(60):
            try:
                with other.connection.transaction(force_rollback=random.random() < 0.1):
                    change(other, random)
            except DatabaseError as error:
                refusals[str(error.sqlstate)] += 1
        return refusals

    def work() -> None:
        worker, random = sessions.worker("busy"), Random(0)
        while not ends.is_set():
            worker.call("tick")
            for item in worker.claim(3):
                worker.work([item.failed() if random.random() < 0.1 else item.completed()])
            assert worker.rows(_BEGUN_TWICE) == []
            assert worker.rows("select * from stepgres._find_wrong_keys()") == []

    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        try:
            found = sessions.at_once(*(partial(storm, n) for n in range(5)))
        finally:
            ends.set()
    working.result(PATIENCE)
    refusals = sum(found, Counter[str]())
    assert set(refusals) <= {"SG005", "SG011", "SG013", "SG038"}, refusals
