"""Locks are taken in one order: whoever has to wait gets its turn, and nothing deadlocks."""

from __future__ import annotations

import random
from functools import partial
from threading import Event
from uuid import UUID

import psycopg
import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

EARLY = UUID("01890000-0000-7000-8000-000000000001")
LATE = UUID("01890000-0000-7000-8000-000000000002")


def start_two_runs(engine: Engine, max_attempts: int = 3) -> dict[UUID, list[WorkItem]]:
    """Two runs, each with two started tasks."""
    engine.define("order", step("a"), step("b"), max_attempts=max_attempts)
    for run_id in (EARLY, LATE):
        engine.start("order", run_id=run_id)
    items = engine.claim()
    return {run_id: [item for item in items if item.run_id == run_id] for run_id in (EARLY, LATE)}


def hold_task(connection: psycopg.Connection[object], run_id: UUID, step_slug: str) -> None:
    """Begins a transaction in which whoever updates this task has to wait."""
    connection.execute("begin")
    connection.execute(
        "select from stepgres.tasks where (run_id, step_slug) = (%s, %s) for update",
        [run_id, step_slug],
    )


def test_batches_over_the_same_runs_wait_for_each_other(engine: Engine, sessions: Sessions) -> None:
    (a, b), (c, d) = start_two_runs(engine).values()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        assert engine.work([c.completed(), a.completed()]) == []
        second = sessions.until_blocked(
            other.connection, lambda: other.work([b.completed(), d.completed()])
        )
    assert second.result(PATIENCE) == []
    assert [engine.status(run_id)[0] for run_id in (EARLY, LATE)] == ["completed"] * 2


@pytest.mark.parametrize("function", ["cancel_runs", "pause_runs"])
def test_changes_of_many_runs_wait_for_each_other_and_for_results(
    engine: Engine, sessions: Sessions, function: str
) -> None:
    (a, b), (c, d) = start_two_runs(engine).values()
    operator, worker = engine.on(sessions.connect()), engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("pause_workflow_run", run_id=LATE)
        changed = sessions.until_blocked(operator.connection, lambda: operator.call(function))
        results = sessions.until_blocked(
            worker.connection, lambda: worker.work([item.completed() for item in (d, a, c, b)])
        )
        engine.call("resume_workflow_run", run_id=LATE)
    assert changed.result() == [EARLY, LATE]
    refused = {"cancel_runs": 4, "pause_runs": 0}[function]
    assert len(results.result()) == refused


def test_timers_and_sweep_of_a_tick_do_not_deadlock_with_results(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    (early, _), (late, waiting) = start_two_runs(engine).values()
    engine.fail(waiting, retry_after="1 s")
    clock.advance(1)
    holder, other = sessions.connect(), engine.on(sessions.connect())
    hold_task(holder, LATE, "b")
    # The tick has the late run because of its timer; the worker has the early one and wants both.
    tick = sessions.until_blocked(engine.connection, lambda: engine.call("tick"))
    results = [early.completed(), late.completed()]
    work = sessions.until_blocked(other.connection, lambda: other.work(results))
    holder.execute("rollback")  # now the tick looks for lost tickets in both runs
    assert tick.result(PATIENCE) == 1
    assert work.result(PATIENCE) == []


def test_takeover_from_several_workers_does_not_deadlock_with_results(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    (early, for_second), (late, for_first) = start_two_runs(engine).values()
    for name, item in (("first", for_first), ("second", for_second)):
        engine.work([item.released()])
        mortal = Engine(engine.connection, name, lease="1 s")
        assert mortal.claim_one().run_id == item.run_id
    clock.advance(1)
    holder, other = sessions.connect(), engine.on(sessions.connect())
    hold_task(holder, LATE, "b")
    tick = sessions.until_blocked(engine.connection, lambda: engine.call("tick"))
    results = [early.completed(), late.completed()]
    work = sessions.until_blocked(other.connection, lambda: other.work(results))
    holder.execute("rollback")
    assert tick.result(PATIENCE) == 4  # taken over, and queued again
    assert work.result(PATIENCE) == []


def test_worker_that_registers_again_does_not_deadlock_with_its_takeover(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    engine.define("order", step("a"))
    engine.start("order", run_id=EARLY)
    mortal = Engine(sessions.connect(), "mortal", lease="1 s")
    mortal.claim_one()
    clock.advance(1)
    holder = sessions.connect()
    hold_task(holder, EARLY, "a")
    again = sessions.until_blocked(
        mortal.connection, lambda: mortal.call("register_worker", worker_id="mortal")
    )
    sessions.without_waiting(engine.connection, lambda: engine.call("tick"))
    holder.execute("rollback")
    assert again.result(PATIENCE) == "mortal"
    engine.call("tick")
    mortal.call("heartbeat", worker_id="mortal")


def test_starts_that_make_the_same_new_queues_do_not_deadlock(
    engine: Engine, sessions: Sessions
) -> None:
    for slug, queues in (("forth", "amz"), ("back", "zma")):
        engine.define(slug, *(step(queue, queue=queue) for queue in queues))
    other, holder = engine.on(sessions.connect()), sessions.connect()
    holder.execute("begin; select stepgres._ensure_queue('m', 5, '{}')")
    starts = [
        sessions.until_blocked(caller.connection, partial(caller.start, slug, priority=5))
        for caller, slug in ((engine, "forth"), (other, "back"))
    ]
    holder.execute("rollback")
    assert len({start.result(PATIENCE) for start in starts}) == 2
    assert len(engine.tickets()) == 6


@pytest.mark.parametrize("is_committed", [True, False])
def test_tick_does_not_wait_for_a_subscriber_that_is_being_removed(
    engine: Engine, sessions: Sessions, clock: Clock, is_committed: bool
) -> None:
    engine.define("order", step("a"))
    engine.call("add_subscriber", run_id=engine.start("order"), subscriber_id="s")
    clock.advance(61)
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        engine.call("remove_subscriber", subscriber_id="s")
        sessions.without_waiting(other.connection, lambda: other.call("tick"))
    clock.advance(11)
    other.call("tick")
    assert engine.rows("select subscriber_id from stepgres.subscribers") == []


def test_everything_at_once_does_not_deadlock(engine: Engine, sessions: Sessions) -> None:
    steps = [step("a"), step("b"), step("each", "a", initial_tasks=5), step("c", "b")]
    engine.define("order", *steps, step("join", "each", "c"), base_delay=0, max_attempts=4)
    runs = 60
    all_started = Event()

    def turn_until_done(worker: Engine, seed: int) -> None:
        chance = random.Random(seed)
        items: list[WorkItem] = []
        while items or worker.has_work() or not all_started.is_set():
            items = worker.work([some_result(chance, item) for item in items], chance.randint(1, 9))
            if chance.random() < 0.2:
                worker.call("tick")
            if chance.random() < 0.05:
                worker.call("register_worker", worker_id=worker.worker_id)
                items = []

    def start_all(starter: Engine) -> None:
        try:
            for _ in range(runs):
                starter.start("order", {})
        finally:
            all_started.set()

    workers = [sessions.worker(f"w{i}") for i in range(6)]
    turns = [partial(turn_until_done, worker, seed) for seed, worker in enumerate(workers)]
    sessions.at_once(partial(start_all, engine.on(sessions.connect())), *turns)
    assert engine.tickets() == []
    finished = "select count(*) from stepgres.runs where status <> 'started'"
    assert engine.rows(finished) == [runs]


def some_result(chance: random.Random, item: WorkItem) -> dict[str, object]:
    return chance.choice(
        [item.completed(1)] * 7 + [item.failed(), item.failed(retry_after=0), item.released()]
    )
