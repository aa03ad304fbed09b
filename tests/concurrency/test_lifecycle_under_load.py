"""Random calls on a few runs and their children, while workers work."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from threading import Event
from uuid import UUID

import psycopg

from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions

CALLS = 120
# What a call may be answered when others were faster: the run is gone, over, not paused or failed;
# the task is another's, or the worker ends.
ANSWERS = {"SG004", "SG005", "SG006", "SG011", "SG012", "SG013"}

Disturb = Callable[[Engine, UUID], object]
DISTURBANCES: list[Disturb] = [
    lambda session, run_id: session.call("pause_workflow_run", run_id=run_id),
    lambda session, run_id: session.call("resume_workflow_run", run_id=run_id),
    lambda session, run_id: session.call("resume_workflow_run", run_id=run_id),
    lambda session, run_id: session.call("cancel_workflow_run", run_id=run_id),
    lambda session, run_id: session.call("retry_failed_workflow", run_id=run_id),
    lambda session, run_id: session.call("retry_failed_workflow", run_id=run_id, reset_all=True),
    lambda session, run_id: session.start("order", {}, parent_run_id=run_id),
    lambda session, run_id: session.start("order", {}, parent_run_id=run_id, delay="1 ms"),
    lambda session, _: session.start("order", {}, deadline="20 ms"),
    lambda session, _: session.call("prune", older_than="0 s", batch_size=3),
    lambda session, _: session.call("tick"),
]


def test_random_calls_never_deadlock_and_leave_nothing_behind(
    engine: Engine, sessions: Sessions
) -> None:
    steps = [step("a"), step("each", "a", initial_tasks=4), step("b", when_exhausted="skip")]
    late = step("late", "b", start_delay=0.001)
    engine.define("order", *steps, late, step("end", "each", "late"), base_delay=0, max_attempts=2)
    for _ in range(6):
        engine.start("order", {})
    are_done = [Event() for _ in range(4)]
    disturbers = [
        partial(disturb, engine.on(sessions.connect()), random.Random(i), is_done)
        for i, is_done in enumerate(are_done)
    ]
    workers = [
        partial(work, sessions.worker(f"w{i}"), random.Random(-i), are_done) for i in range(3)
    ]
    sessions.at_once(*disturbers, *workers)

    engine.rows(
        "select stepgres.resume_workflow_run(run_id) from stepgres.runs where paused_at is not null"
    )
    for i in range(3):  # whose tasks go back
        engine.call("unregister_worker", worker_id=f"w{i}")
    while engine.rows("select run_id from stepgres.active_runs"):
        engine.call("tick")
        engine.drain()
    assert engine.tickets() == []


def disturb(session: Engine, chance: random.Random, is_done: Event) -> None:
    try:
        for _ in range(CALLS):
            # active ones above all, or soon nothing would be left to disturb
            run_ids = session.rows(
                "select run_id from stepgres.active_runs order by run_id limit 5"
            )
            run_ids += session.rows("select run_id from stepgres.failed_runs limit 2")
            answered(
                partial(
                    chance.choice(DISTURBANCES), session, chance.choice([*run_ids, UUID(int=0)])
                )
            )
    finally:
        is_done.set()


def work(worker: Engine, chance: random.Random, are_done: list[Event]) -> None:
    items: list[WorkItem] = []
    while not all(is_done.is_set() for is_done in are_done):
        results = [chance.choice([i.completed(1), i.completed(1), i.failed()]) for i in items]
        items = [i for i in worker.work(results, chance.randint(1, 5)) if not i.is_refused]
        if items and chance.random() < 0.2:
            items = (
                items[1:] if answered(partial(finish_in_transaction, worker, items[0])) else items
            )


def finish_in_transaction(worker: Engine, item: WorkItem) -> None:
    """As a transactional step that starts a child."""
    with worker.connection.transaction():
        worker.start("order", {}, parent_run_id=item.run_id)
        worker.complete(item)


def answered(call: Callable[[], object]) -> bool:
    """Whether the call succeeded; a refusal is an answer too, but a deadlock is none."""
    try:
        call()
    except psycopg.Error as error:
        if error.sqlstate not in ANSWERS:
            raise
        return False
    return True
