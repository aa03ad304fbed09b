"""Parents and children that start, end, are retried and cancelled at the same time."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def run_id(number: int) -> UUID:
    """Ids in the order of their numbers."""
    return UUID(f"01890000-0000-7000-8000-{number:012}")


def start_family(engine: Engine, parents: dict[int, int | None]) -> None:
    """Runs of two steps, in this order, each with a parent or without."""
    engine.define("order", step("a", max_attempts=1), step("b"))
    for number, parent in parents.items():
        engine.start(
            "order",
            run_id=run_id(number),
            parent_run_id=None if parent is None else run_id(parent),
        )


def statuses(engine: Engine) -> dict[int, str]:
    query = "select right(run_id::text, 12)::int, status from stepgres.runs order by 1"
    return dict(engine.rows(query))


def cancel(engine: Engine, number: int) -> None:
    engine.call("cancel_workflow_run", run_id=run_id(number))


def test_child_that_is_starting_is_cancelled_with_its_parent(
    engine: Engine, sessions: Sessions
) -> None:
    start_family(engine, {1: None})
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order", run_id=run_id(2), parent_run_id=run_id(1))
        cancellation = sessions.until_blocked(other.connection, lambda: cancel(other, 1))
    cancellation.result(PATIENCE)
    assert statuses(engine) == {1: "failed", 2: "failed"}
    assert engine.tickets() == []


@pytest.mark.parametrize("is_committed", [True, False])
def test_child_does_not_start_under_a_parent_that_is_being_cancelled(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    start_family(engine, {1: None})
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        cancel(engine, 1)
        start = sessions.until_blocked(
            other.connection, lambda: other.start("order", parent_run_id=run_id(1))
        )
    if is_committed:
        with refused("SG011", str(run_id(1))):
            start.result(PATIENCE)
    else:
        assert engine.steps(start.result(PATIENCE)) == {"a": "started", "b": "started"}


def test_grandchild_that_starts_while_its_family_is_cancelled_is_cancelled_too(
    engine: Engine, sessions: Sessions
) -> None:
    start_family(engine, {1: None, 2: 1})
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order", run_id=run_id(3), parent_run_id=run_id(2))
        cancellation = sessions.until_blocked(other.connection, lambda: cancel(other, 1))
        engine.start("order", run_id=run_id(4), parent_run_id=run_id(3))
    cancellation.result(PATIENCE)
    assert statuses(engine) == dict.fromkeys((1, 2, 3, 4), "failed")


@pytest.mark.parametrize(
    ("parents", "batch"),
    [
        ({1: None, 2: 1, 4: 1, 3: 2}, [3, 4]),  # a grandchild that is older than a child
        ({2: None, 1: 2}, [1, 2]),  # a child whose id was chosen
    ],
    ids=["grandchild", "chosen"],
)
def test_cancel_of_a_family_does_not_deadlock_with_a_batch_of_its_results(
    engine: Engine, sessions: Sessions, parents: dict[int, int | None], batch: list[int]
) -> None:
    start_family(engine, parents)
    items = {(item.run_id, item.step_slug): item for item in engine.claim()}
    results = [items[run_id(number), "a"].completed() for number in batch]
    root = next(iter(parents))
    holder, other = sessions.connect(), engine.on(sessions.connect())
    holder.execute("begin")
    holder.execute("select from stepgres.runs where run_id = %s for update", [run_id(batch[0])])
    work = sessions.until_blocked(engine.connection, lambda: engine.work(results))
    cancellation = sessions.until_blocked(other.connection, lambda: cancel(other, root))
    holder.execute("rollback")
    assert work.result(PATIENCE) == []
    cancellation.result(PATIENCE)
    assert set(statuses(engine).values()) == {"failed"}


@pytest.mark.parametrize("is_committed", [True, False])
def test_results_of_several_children_wait_for_the_cancel_of_their_parent(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    start_family(engine, {1: None, 2: 1, 3: 1})
    results = [item.completed() for item in engine.claim() if item.run_id != run_id(1)]
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        cancel(engine, 1)
        work = sessions.until_blocked(other.connection, lambda: other.work(results))
    assert len(work.result(PATIENCE)) == (4 if is_committed else 0)
    ended = "failed" if is_committed else "completed"
    assert statuses(engine) == {1: "failed" if is_committed else "started", 2: ended, 3: ended}


def test_cancel_of_a_parent_waits_for_the_results_of_its_children(
    engine: Engine, sessions: Sessions
) -> None:
    start_family(engine, {1: None, 2: 1, 3: 1})
    results = [item.completed() for item in engine.claim() if item.run_id != run_id(1)]
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        assert engine.work(results) == []
        cancellation = sessions.until_blocked(other.connection, lambda: cancel(other, 1))
    cancellation.result(PATIENCE)
    assert statuses(engine) == {1: "failed", 2: "completed", 3: "completed"}


# Retries of children


def start_with_failed_child(engine: Engine) -> None:
    """Run 2 has failed under run 1, which goes on."""
    start_family(engine, {1: None, 2: 1})
    (item,) = [i for i in engine.claim() if (i.run_id, i.step_slug) == (run_id(2), "a")]
    engine.fail(item)


def retry(engine: Engine, **options: str) -> UUID:
    retried: UUID = engine.call("retry_failed_workflow", run_id=run_id(2), **options)
    return retried


def test_retry_of_a_child_is_cancelled_with_the_parent_that_waits_for_it(
    engine: Engine, sessions: Sessions
) -> None:
    start_with_failed_child(engine)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        retried = retry(engine)
        cancellation = sessions.until_blocked(other.connection, lambda: cancel(other, 1))
    cancellation.result(PATIENCE)
    assert engine.status(retried)[0] == "failed"
    assert engine.tickets() == []


@pytest.mark.parametrize("is_committed", [True, False])
def test_retry_of_a_child_has_no_parent_that_is_being_cancelled(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    start_with_failed_child(engine)
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        cancel(engine, 1)
        retrial = sessions.until_blocked(other.connection, lambda: retry(other))
    parent = engine.rows(
        "select parent_run_id from stepgres.runs where run_id = %s", retrial.result(PATIENCE)
    )
    assert parent == [None if is_committed else run_id(1)]
    assert engine.status(retrial.result(PATIENCE))[0] == "in_progress"


def test_retry_in_an_executor_that_is_found_dead_does_not_deadlock(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    start_with_failed_child(engine)
    mortal = Engine(sessions.connect(), "mortal", lease="15 s")
    engine.call("unregister_worker", worker_id="worker")
    assert {item.run_id for item in mortal.claim()} == {run_id(1)}
    clock.advance(15)
    holder, ticker = sessions.connect(), engine.on(sessions.connect())
    holder.execute("begin")
    holder.execute("select from stepgres.runs where run_id = %s for update", [run_id(1)])
    retrial = sessions.until_blocked(engine.connection, lambda: retry(engine, executor_id="mortal"))
    tick = sessions.until_blocked(ticker.connection, lambda: ticker.call("tick"))
    holder.execute("rollback")
    with refused("SG006", '"mortal"'):
        retrial.result(PATIENCE)
    assert tick.result(PATIENCE) > 0


# A step that starts children in the transaction that completes it


def start_transactional(
    engine: Engine, sessions: Sessions
) -> tuple[dict[str, dict[str, object]], Engine]:
    """The results of both steps of run 1, and another connection of their worker."""
    start_family(engine, {1: None})
    results = {item.step_slug: item.completed() for item in engine.claim()}
    return results, engine.on(sessions.connect())


@pytest.mark.parametrize("idle", [0, 20_000])
def test_transactional_step_with_a_child_does_not_deadlock_with_other_results_of_its_worker(
    engine: Engine, sessions: Sessions, clock: Clock, idle: int
) -> None:
    results, other = start_transactional(engine, sessions)
    engine.call("work", worker_id="worker", capacity=1, is_waiting=True)
    clock.advance(idle)  # so long that the next call counts as a heartbeat
    with engine.connection.transaction():
        engine.start("order", run_id=run_id(2), parent_run_id=run_id(1))
        work = sessions.until_blocked(
            other.connection, lambda: other.work([results["b"]], capacity=1)
        )
        complete = partial(engine.work, [results["a"]])
        assert sessions.without_waiting(engine.connection, complete) == []
    assert [item.run_id for item in work.result(PATIENCE)] == [run_id(2)]
    assert statuses(engine) == {1: "completed", 2: "started"}


def test_transactional_step_with_a_child_whose_worker_is_found_dead_is_told_so(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    results, other = start_transactional(engine, sessions)
    clock.advance(90_000)
    with refused("SG006", '"worker"'), engine.connection.transaction():
        engine.start("order", run_id=run_id(2), parent_run_id=run_id(1))
        tick = sessions.until_blocked(other.connection, lambda: other.call("tick"))
        complete = partial(engine.work, [results["a"]])
        sessions.without_waiting(engine.connection, complete)
    assert tick.result(PATIENCE) > 0
    assert statuses(engine) == {1: "failed"}
