"""Progress that steps report: from threads, the loop and processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

import stepgres
from stepgres import Client, InvalidInput, StepContext, TaskProgress
from stepgres._client.client import Client as HeartbeatClient
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Database
from tests.support.waiting import PATIENCE, join, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

REPORTS = 10_000


def report(input: Any, context: Any) -> None:
    """Report often, and go on until the run is cancelled."""
    for number in range(REPORTS):
        context.progress(number, REPORTS)
    context.progress(REPORTS, REPORTS, "all \0 read")
    assert context.cancelled.wait(PATIENCE)


async def report_on_the_loop(input: Any, context: Any) -> None:
    context.progress(3, message="three")
    await asyncio.sleep(PATIENCE)  # until it is cancelled


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "threads":
        yield None
        return
    with ProcessPool(1) as pool:
        yield pool


def progress_of(client: Client, run_id: UUID) -> list[TaskProgress]:
    return client.get_run(run_id).steps[0].progress


def check(client: Client, run_id: UUID, done: float, total: float | None, message: str) -> None:
    def is_shown() -> bool:
        found = progress_of(client, run_id)
        return [p[:4] for p in found] == [(0, done, total, message)]

    wait_until(is_shown)
    client.cancel_workflow_run(run_id)
    assert progress_of(client, run_id) == []


def test_last_report_is_shown_and_not_each_is_sent(
    db: Database, client: Client, pool: Executor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    heartbeat = HeartbeatClient.heartbeat

    def count(self: HeartbeatClient, worker_id: str, tasks: Any = None) -> Any:
        sent.extend(task for task in tasks if "progress" in task)
        return heartbeat(self, worker_id, tasks)

    monkeypatch.setattr(HeartbeatClient, "heartbeat", count)
    flow = workflow(("only", report))
    with running_worker(db.dsn, flow, executor=pool, lease=1):
        (run_id,) = register_and_start(client, flow)
        check(client, run_id, REPORTS, REPORTS, r"all \x00 read")
    assert 0 < len(sent) < REPORTS / 10


def test_step_on_the_loop_reports(db: Database, client: Client) -> None:
    flow = workflow(("only", report_on_the_loop))
    with running_worker(db.dsn, flow, lease=1):
        (run_id,) = register_and_start(client, flow)
        check(client, run_id, 3, None, "three")


def test_report_comes_long_before_the_next_heartbeat_of_the_lease(
    db: Database, client: Client
) -> None:
    shown = threading.Event()

    def step(input: Any, context: Any) -> None:
        context.progress(3)
        assert shown.wait(PATIENCE)

    flow = workflow(("only", step))
    with running_worker(db.dsn, flow, lease=3600):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: progress_of(client, run_id))
        shown.set()
        client.wait_for_run(run_id, timeout=60)


def test_executor_reports_too(db: Database) -> None:
    flow = workflow(("only", report_on_the_loop))
    with stepgres.Client(db.dsn) as client:
        executor = stepgres.Executor(client)

        def execute() -> None:
            with pytest.raises(stepgres.WorkflowFailed):
                executor.execute(flow, None)

        thread = threading.Thread(target=execute)
        thread.start()
        with stepgres.Client(db.dsn) as other:
            runs = wait_until(other.list_workflow_runs)
            check(other, runs[0].run_id, 3, None, "three")
        join(thread)


def test_step_does_not_wait_for_the_database(db: Database, client: Client) -> None:
    def step(input: Any, context: Any) -> str:
        for number in range(100):
            context.progress(number)
        return "done"

    flow = workflow(("only", step))
    with (
        running_worker(db.dsn, flow),
        db.connect() as connection,
        connection.transaction(),
    ):
        connection.execute("lock table stepgres.task_progress")
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id, timeout=60).output == "done"


@pytest.mark.parametrize(
    "arguments",
    [
        ("1",),
        (None,),
        (True,),
        (-1,),
        (float("nan"),),
        (float("inf"),),
        (10**400,),
        (1, "2"),
        (1, -2),
        (1, 2, 3),
        (1, 2, b"text"),
    ],
)
def test_wrong_report_is_an_error_of_the_step(arguments: Any) -> None:
    sent: list[Any] = []
    with pytest.raises(InvalidInput, match=r"context\.progress: (done|total|message) must be a"):
        StepContext.progress(SimpleNamespace(send_progress=sent.append), *arguments)  # type: ignore[arg-type]
    assert sent == []
