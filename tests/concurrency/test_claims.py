"""Workers that claim at the same time, and runs that end while they do."""

from __future__ import annotations

from collections import Counter
from functools import partial
from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def test_one_of_two_workers_gets_a_task(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    other = sessions.worker("other")
    with engine.connection.transaction():
        assert len(engine.claim()) == 1
        assert sessions.without_waiting(other.connection, other.claim) == []
    assert other.claim() == []


def test_task_is_free_again_when_its_claim_is_rolled_back(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    other = sessions.worker("other")
    with engine.connection.transaction(force_rollback=True):
        engine.claim_one()
    assert other.claim_one().attempt == 1


def test_many_workers_execute_each_task_once(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(1_000)))
    workers = [sessions.worker(f"w{i}") for i in range(16)]
    executed = sessions.at_once(*(partial(work_until_done, worker) for worker in workers))
    claims = Counter(item.task_index for items in executed for item in items)
    assert claims == Counter(range(1_000))
    assert engine.output(run_id) == list(range(1_000))


def work_until_done(worker: Engine) -> list[WorkItem]:
    """Small batches; results are sent with the next claim."""
    executed: list[WorkItem] = []
    items: list[WorkItem] = []
    while items or worker.has_work():
        items = worker.work([item.completed(item.input) for item in items], capacity=7)
        executed += items
    return executed


def test_many_threads_of_one_executor_execute_each_local_task_once(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(500)), executor_id="worker")
    threads = [engine.on(sessions.connect()) for _ in range(8)]
    executed = sessions.at_once(*(partial(claim_one_by_one, t, run_id) for t in threads))
    assert Counter(i for indexes in executed for i in indexes) == Counter(range(500))
    assert engine.output(run_id) == list(range(500))


def claim_one_by_one(worker: Engine, run_id: UUID) -> list[int]:
    indexes = []
    while items := worker.claim(1, run_ids=[run_id]):
        worker.complete(items[0], items[0].input)
        indexes.append(items[0].task_index)
    return indexes


# Runs that are ending


def start_two_steps(engine: Engine) -> tuple[WorkItem, WorkItem]:
    """A task to fail, and one that is left in the queue."""
    engine.define("order", step("bad", max_attempts=1), step("other"))
    engine.start("order")
    bad, other = engine.claim()
    engine.work([other.released()])
    return bad, other


def test_task_of_a_run_that_is_failing_is_not_claimed(engine: Engine, sessions: Sessions) -> None:
    bad, _ = start_two_steps(engine)
    other = sessions.worker("other")
    with engine.connection.transaction():
        engine.fail(bad)
        assert sessions.without_waiting(other.connection, other.claim) == []
    assert other.claim() == []
    assert engine.steps(bad.run_id) == {"bad": "failed", "other": "cancelled"}
    assert engine.tickets() == []


def test_task_of_a_run_that_did_not_fail_after_all_is_claimed_later(
    engine: Engine, sessions: Sessions
) -> None:
    bad, other_item = start_two_steps(engine)
    other = sessions.worker("other")
    with engine.connection.transaction(force_rollback=True):
        engine.fail(bad)
        assert sessions.without_waiting(other.connection, other.claim) == []
    assert other.claim_one().place == other_item.place


@pytest.mark.parametrize("is_committed", [True, False])
def test_second_ticket_of_a_run_that_is_failing_is_dropped(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    bad, other_item = start_two_steps(engine)
    engine.rows("select pgmq.send('stepgres_default', message) from pgmq.q_stepgres_default")
    other = sessions.worker("other")
    with engine.connection.transaction(force_rollback=not is_committed):
        engine.fail(bad)  # and so it holds one ticket, and the task of both
        assert sessions.without_waiting(other.connection, other.claim) == []
    assert [item.place for item in other.claim()] == ([] if is_committed else [other_item.place])
    assert engine.tickets() == []


def test_task_that_was_claimed_first_is_cancelled_with_its_run(
    engine: Engine, sessions: Sessions
) -> None:
    bad, _ = start_two_steps(engine)
    other = sessions.worker("other")
    with other.connection.transaction():
        item = other.claim_one()
        failure = sessions.until_blocked(engine.connection, lambda: engine.fail(bad))
    failure.result(PATIENCE)
    assert engine.steps(bad.run_id) == {"bad": "failed", "other": "cancelled"}
    with refused("SG004"):
        other.complete(item)


def test_claim_does_not_wait_for_a_result_of_the_same_run(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    (item,) = engine.claim(1)
    other = sessions.worker("other")
    with engine.connection.transaction():
        engine.complete(item)
        item = sessions.without_waiting(other.connection, other.claim_one)
        assert item.step_slug == "b"


# Workers that are ending, and ticks


@pytest.mark.parametrize("sign", ["claim_tasks", "heartbeat", "work"])
def test_worker_found_dead_while_it_calls_is_told_so(
    engine: Engine, sessions: Sessions, clock: Clock, sign: str
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    stalled = sessions.worker("stalled", lease="15 s")
    clock.advance(15)
    with engine.connection.transaction():
        engine.call("tick")
        with refused("SG006", '"stalled"'):
            sessions.without_waiting(
                stalled.connection, lambda: stalled.call(sign, worker_id="stalled")
            )
    assert engine.claim_one().attempt == 1


def test_worker_that_is_heard_of_in_time_is_not_found_dead(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    stalled = sessions.worker("stalled", lease="15 s")
    clock.advance(15)
    with stalled.connection.transaction():
        stalled.call("heartbeat", worker_id="stalled")
        sessions.without_waiting(engine.connection, lambda: engine.call("tick"))
    engine.call("tick")
    stalled.call("heartbeat", worker_id="stalled")


@pytest.mark.parametrize("is_local", [False, True])
def test_worker_is_not_found_dead_before_its_claim_is_committed(
    engine: Engine, sessions: Sessions, clock: Clock, is_local: bool
) -> None:
    engine.define("order", step("a"))
    stalled = sessions.worker("stalled", lease="15 s")
    with stalled.connection.transaction():
        if is_local:
            stalled.start("order", executor_id="stalled")
        else:
            engine.start("order")
            stalled.claim_one()
        clock.advance(15)
        assert sessions.without_waiting(engine.connection, lambda: engine.call("tick")) == 0
    engine.call("tick")
    assert engine.claim_one().attempt == (1 if is_local else 2)


@pytest.mark.parametrize(
    ("function", "attempt"), [("unregister_worker", 1), ("register_worker", 2)]
)
def test_what_a_worker_claims_while_it_ends_is_taken_back_too(
    engine: Engine, sessions: Sessions, function: str, attempt: int
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    ending = sessions.worker("ending")
    with ending.connection.transaction():
        item = ending.claim_one()
        end = sessions.until_blocked(
            engine.connection, lambda: engine.call(function, worker_id="ending")
        )
    end.result(PATIENCE)
    engine.call("tick")
    assert engine.claim_one().attempt == attempt
    with refused("SG004" if function == "register_worker" else "SG006", '"ending"'):
        ending.complete(item)


def test_task_claimed_during_a_sweep_for_lost_tickets_stays_claimed(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a", queue="a"), step("z", queue="z"))
    run_id = engine.start("order")
    worker = sessions.worker("other", queues=["z"])
    with sessions.connect() as holder:
        holder.execute("begin; lock table pgmq.q_stepgres_a in access exclusive mode")
        # It has read which tasks are queued, and waits to see which of them have tickets.
        tick = sessions.until_blocked(engine.connection, lambda: engine.call("tick"))
        item = worker.claim_one()
        holder.execute("commit")
    tick.result(PATIENCE)
    assert engine.tasks(run_id)[item.place] == "started"
    worker.complete(item)


def test_one_tick_at_a_time(engine: Engine, sessions: Sessions, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.fail(engine.claim_one(), retry_after="1 s")
    other = sessions.worker("other")
    clock.advance(1)
    with engine.connection.transaction():
        assert engine.call("tick") == 1
        assert sessions.without_waiting(other.connection, lambda: other.call("tick")) == 0
    assert len(engine.tickets()) == 1


@pytest.mark.parametrize("is_committed", [True, False])
def test_timer_of_a_run_that_others_hold_fires_at_the_next_tick(
    engine: Engine, sessions: Sessions, clock: Clock, is_committed: bool
) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    a, b = engine.claim()
    engine.fail(a, retry_after="1 s")
    clock.advance(1)
    other = sessions.worker("other")
    with engine.connection.transaction(force_rollback=not is_committed):
        engine.complete(b)
        assert sessions.without_waiting(other.connection, lambda: other.call("tick")) == 0
    assert other.call("tick") == 1
    assert other.claim_one().attempt == 2
