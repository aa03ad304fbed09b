"""Tasks that end elsewhere while a step executes them: the step is told, and its slot is free."""

from __future__ import annotations

import asyncio
from threading import Barrier, Event
from typing import Any

import pytest

from stepgres import Client, Executor, WorkflowFailed
from stepgres._execution import local_run as _local_run
from stepgres._execution import run_worker
from stepgres._execution.runner import StepContext
from tests.conftest import Database
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import fail, workflow


class Branches:
    """Steps of one layer: two that stay until they are told to end, one that fails the run."""

    def __init__(self) -> None:
        self.begun = Barrier(3, timeout=PATIENCE)
        self.told = Event()
        self.cancelled = Event()

    def stay(self, input: Any, context: StepContext) -> str:
        self.begun.wait()
        assert context.cancelled.wait(PATIENCE)
        self.told.set()
        return "too late"

    async def stay_on_the_loop(self, input: Any) -> None:
        await asyncio.to_thread(self.begun.wait)
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    def fail(self, input: Any) -> None:
        self.begun.wait()
        fail(input)

    def workflow(self, **options: Any) -> Any:
        steps: list[Any] = [
            ("stay", self.stay, {"depends_on": [], "timeout": 86_400}),
            ("loop", self.stay_on_the_loop, {"depends_on": [], "timeout": 86_400}),
            ("fail", self.fail, {"depends_on": [], **options}),
        ]
        return workflow(*steps)


# Leases do not end while the clock stands still, however slow the machine is.
pytestmark = pytest.mark.usefixtures("clock")


def test_steps_of_a_run_that_has_failed_end_and_their_worker_goes_on(
    db: Database, client: Client
) -> None:
    branches = Branches()
    flow = branches.workflow()
    sane = workflow(("only", lambda i: i), slug="sane")
    with running_worker(db.dsn, flow, sane, concurrency=3, lease=2):
        (run_id,) = register_and_start(client, flow)
        with pytest.raises(WorkflowFailed, match='step "fail"'):
            client.wait_for_run(run_id)
        assert branches.told.wait(PATIENCE)
        assert branches.cancelled.wait(PATIENCE)
        run_ids = register_and_start(client, sane, [1, 2, 3])
        assert [client.wait_for_run(i).output for i in run_ids] == [1, 2, 3]
    with db.connect() as connection:
        failed = connection.execute("select step_slug from stepgres.attempts").fetchall()
    assert failed == [("fail",)]


def test_local_steps_of_a_run_that_fails_elsewhere_end(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "_LEASE", 2)
    monkeypatch.setattr(_local_run, "_LOOK_INTERVAL", 86_400)  # nothing else tells it
    branches = Branches()
    flow = branches.workflow(execution="distributed")
    with running_worker(db.dsn, flow), pytest.raises(WorkflowFailed, match='step "fail"'):
        Executor(client).execute(flow, None)
    assert branches.told.wait(PATIENCE)
    assert branches.cancelled.wait(PATIENCE)


def test_task_that_was_taken_over_is_given_up(db: Database, client: Client) -> None:
    contexts: list[StepContext] = []

    async def stay_once(input: Any, context: StepContext) -> int:
        contexts.append(context)
        if context.attempt == 1:
            await asyncio.Event().wait()
        return context.attempt

    flow = workflow(("only", stay_once))
    with running_worker(db.dsn, flow, concurrency=1, lease=2), db.connect() as connection:
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: contexts)
        connection.execute(
            "select stepgres._lock_runs(array(select run_id from stepgres.active_runs)),"
            " stepgres._fail_tasks(array_agg((t.run_id, step_slug, task_index, attempt, 'lost',"
            " true, interval '0', null, null, null)::stepgres._task_failure))"
            " from stepgres.tasks as t"
        )
        # the one slot of the worker is free again only when it has given up the first attempt
        assert client.wait_for_run(run_id).output == 2
    assert contexts[0].cancelled.is_set()


def test_progress_of_a_step_reaches_the_database(db: Database, client: Client) -> None:
    told: list[Any] = []

    def work_on(input: Any, context: StepContext) -> None:
        context.heartbeat()
        query = "select k ->> 'step_slug' from stepgres.workers, jsonb_array_elements(progress) k"
        with db.connect() as connection:
            told.append(wait_until(lambda: connection.execute(query).fetchall()))

    flow = workflow(("only", work_on))
    with running_worker(db.dsn, flow, lease=1):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id)
    assert told == [[("only",)]]
