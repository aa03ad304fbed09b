"""What a worker executes, where, and how much at a time."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from threading import Barrier
from typing import Any

import pytest

import stepgres
from stepgres import Client
from stepgres._client.client_async import AsyncClient
from stepgres._execution.runner import StepContext
from stepgres._execution.worker_client import WorkerClient
from tests.conftest import Database
from tests.support.waiting import PATIENCE
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import workflow


def process_id(input: Any) -> int:
    return os.getpid()


def next_of_nothing(input: Any) -> Any:
    return next(iter(()))


def echo(input: Any) -> Any:
    return input


@pytest.mark.parametrize("execution", ["local", "distributed"])
@pytest.mark.parametrize("listen", [True, False])
def test_run_of_nobody_is_executed_by_a_worker(
    db: Database, client: Client, execution: str, listen: bool
) -> None:
    steps = [("a", lambda i: i + 1), ("b", lambda i: [i["a"]] * 3)]
    flow = workflow(*steps, ("c", echo, {"depends_on": ["b"], "map": True}), execution=execution)
    with running_worker(db.dsn, flow, listen=listen):
        (run_id,) = register_and_start(client, flow, [1])
        assert client.wait_for_run(run_id).output == [2, 2, 2]


def test_input_of_a_run_is_read_once_for_all_of_its_tasks(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read_run = WorkerClient.read_run

    async def counted(self: WorkerClient, run_id: Any) -> Any:
        reads.append(run_id)
        return await read_run(self, run_id)

    def third(input: Any, context: StepContext) -> Any:
        return context.run_input.pop()  # of a copy of its own

    monkeypatch.setattr(WorkerClient, "read_run", counted)
    flow = workflow(("a", third, {"map": True, "depends_on": []}), ("b", echo))
    run_ids = register_and_start(client, flow, [[1, 2, 3]] * 2)
    with running_worker(db.dsn, flow):
        assert [client.wait_for_run(i).output for i in run_ids] == [{"a": [3, 3, 3]}] * 2
    assert sorted(reads) == sorted(run_ids)


def test_async_steps_overlap_on_one_loop(db: Database, client: Client) -> None:
    threads = set()
    arrived = 0
    all_arrived = asyncio.Event()

    async def meet(input: Any) -> None:
        nonlocal arrived
        threads.add(threading.current_thread())
        arrived += 1
        if arrived == 10:
            all_arrived.set()
        await all_arrived.wait()

    flow = workflow(("a", meet, {"initial_tasks": 10, "depends_on": [], "map": True}))
    with running_worker(db.dsn, flow, concurrency=10):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id).output == [None] * 10
    assert len(threads) == 1


def test_def_steps_overlap_in_threads(db: Database, client: Client) -> None:
    barrier = Barrier(4, timeout=PATIENCE)
    flow = workflow(("a", lambda _: [barrier.wait()][1:], {"initial_tasks": 4, "map": True}))
    with running_worker(db.dsn, flow, concurrency=4):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id).output == [[]] * 4


def test_worker_says_how_many_slots_it_has(db: Database, client: Client) -> None:
    with running_worker(db.dsn, workflow(("a", echo)), concurrency=3):
        (worker,) = client.list_workers()
        assert worker.slots == 3
        assert {m.name: m.value for m in client.list_metrics()}["stepgres_slots"] == 3


def test_no_more_steps_run_at_a_time_than_concurrency(db: Database, client: Client) -> None:
    running, most = 0, 0

    async def count(input: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    flow = workflow(("a", count, {"initial_tasks": 200, "map": True}))
    with running_worker(db.dsn, flow, concurrency=3):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id)
    assert 1 <= most <= 3


def test_def_steps_run_in_an_executor_that_is_passed(db: Database, client: Client) -> None:
    flow = workflow(("a", process_id), ("b", next_of_nothing), max_attempts=1)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        child = pool.submit(os.getpid).result(PATIENCE)
        with running_worker(db.dsn, flow, executor=pool):
            (run_id,) = register_and_start(client, flow)
            with pytest.raises(stepgres.WorkflowFailed, match="StopIteration"):
                client.wait_for_run(run_id)
    with db.connect() as connection:
        query = "select output from stepgres.step_states where step_slug = 'a'"
        assert connection.execute(query).fetchone() == (child,)


def test_worker_without_workflows_leaves_everything_to_others(db: Database, client: Client) -> None:
    flow = workflow(("a", echo))
    with running_worker(db.dsn):
        (run_id,) = register_and_start(client, flow, [7])
        with running_worker(db.dsn, flow):
            assert client.wait_for_run(run_id).output == 7


def test_200_workflows_on_one_worker(db: Database, client: Client) -> None:
    flows = [workflow(("a", echo), slug=f"flow_{i}") for i in range(200)]
    with running_worker(db.dsn, *flows):
        run_ids = [client.start_workflow_run(flow.slug, i) for i, flow in enumerate(flows)]
        assert [client.wait_for_run(run_id).output for run_id in run_ids] == list(range(200))


def test_sixteen_workers_execute_each_task_once(db: Database, client: Client) -> None:
    executed: list[Any] = []
    flow = workflow(("a", executed.append, {"map": True}))
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(running_worker(db.dsn, flow, concurrency=1))
        (run_id,) = register_and_start(client, flow, [list(range(1000))])
        client.wait_for_run(run_id)
    assert sorted(executed) == list(range(1000))


@pytest.mark.anyio
async def test_async_worker_runs_on_the_loop_of_its_caller(db: Database) -> None:
    flow = workflow(("a", echo))
    async with AsyncClient(db.dsn) as client:
        await client.register_workflow(stepgres.describe(flow).document)
        worker = stepgres.AsyncWorker(client, [flow])
        running = asyncio.create_task(worker.run())
        run_id = await client.start_workflow_run("demo", 7)
        assert (await client.wait_for_run(run_id)).output == 7
        worker.stop()
        assert await running == 0
    assert worker_ids(db.dsn) == set()
