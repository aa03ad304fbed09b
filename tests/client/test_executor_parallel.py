"""What happens at the same time: steps of a run, runs of an executor, loops of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock, Thread
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool

import stepgres
from stepgres import AsyncClient, AsyncExecutor, Client, Executor
from tests.conftest import Database
from tests.support.waiting import PATIENCE, join
from tests.support.workflows import workflow


def meet(barrier: Barrier) -> Callable[[Any], int]:
    """A step that ends when another one has come as far."""
    return lambda _: barrier.wait()


def test_branches_overlap_in_threads(executor: Executor) -> None:
    barrier = Barrier(2, timeout=PATIENCE)
    branches = workflow(("a", meet(barrier), {}), ("b", meet(barrier), {}))
    output = executor.execute(branches, {}).output
    assert sorted(output.values()) == [0, 1]


def test_branches_overlap_on_the_loop(executor: Executor) -> None:
    arrived = {"a": asyncio.Event(), "b": asyncio.Event()}

    async def meet_the_other(input: Any, context: Any) -> None:
        arrived[context.step_slug].set()
        for event in arrived.values():
            await event.wait()

    executor.execute(workflow(("a", meet_the_other, {}), ("b", meet_the_other, {})), {})


def test_thread_and_loop_overlap(executor: Executor) -> None:
    barrier = Barrier(2, timeout=PATIENCE)

    async def meet_the_thread(input: Any) -> None:
        await asyncio.to_thread(barrier.wait)

    executor.execute(workflow(("a", meet(barrier), {}), ("b", meet_the_thread, {})), {})


def test_tasks_of_a_map_overlap(client: Client) -> None:
    barrier = Barrier(8, timeout=PATIENCE)
    executor = Executor(client, concurrency=8)
    each = workflow(("each", meet(barrier), {"map": True}))
    assert sorted(executor.execute(each, [None] * 8).output) == list(range(8))


def test_no_more_steps_overlap_than_the_workflow_allows(client: Client) -> None:
    barrier, lock, running = Barrier(2, timeout=PATIENCE), Lock(), [0, 0]

    def overlap(_: Any) -> None:
        with lock:
            running[0] += 1
            running[1] = max(running)
        barrier.wait()
        with lock:
            running[0] -= 1

    each = workflow(("each", overlap, {"map": True}), max_parallel=2)
    Executor(client, concurrency=8).execute(each, [None] * 8)
    assert running == [0, 2]


def test_branch_goes_on_while_another_one_takes_long(executor: Executor) -> None:
    barrier = Barrier(2, timeout=PATIENCE)
    branches = workflow(
        ("slow", meet(barrier), {}),
        ("quick", lambda _: None, {}),
        ("next", meet(barrier), {"depends_on": ["quick"]}),
    )
    assert set(executor.execute(branches, {}).output) == {"slow", "next"}


def test_concurrency_is_the_most_that_run_at_a_time(client: Client) -> None:
    running: list[int] = []
    most = 0
    lock = Lock()
    pairs = Barrier(2, timeout=PATIENCE)

    def count(n: int) -> None:
        nonlocal most
        with lock:
            running.append(n)
            most = max(most, len(running))
        pairs.wait()
        running.remove(n)

    each = workflow(("each", count, {"map": True}))
    Executor(client, concurrency=2).execute(each, list(range(20)))
    assert most == 2


@pytest.mark.parametrize("concurrency", [0, -1])
def test_concurrency_is_at_least_one(client: Client, concurrency: int) -> None:
    with pytest.raises(stepgres.InvalidInput, match="concurrency"):
        Executor(client, concurrency=concurrency)


def test_one_executor_executes_in_several_threads(executor: Executor) -> None:
    barrier = Barrier(3, timeout=PATIENCE)
    together = workflow(("meet", meet(barrier)))
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda n: executor.execute(together, n), range(3)))
    assert len({result.run_id for result in results}) == 3


def test_executor_inside_a_step(executor: Executor) -> None:
    def execute_another(input: Any) -> Any:
        return executor.execute(workflow(("inner", len), slug="inner"), input).output

    assert executor.execute(workflow(("outer", execute_another)), "four").output == 4


@pytest.mark.anyio
async def test_executor_in_a_running_loop(executor: Executor) -> None:
    async def double(input: int) -> int:
        return input * 2

    assert executor.execute(workflow(("double", double)), 2).output == 4


def test_executor_in_a_thread_that_is_not_the_main_one(executor: Executor) -> None:
    outputs: list[Any] = []
    execute = workflow(("len", len))
    thread = Thread(target=lambda: outputs.append(executor.execute(execute, "four").output))
    thread.start()
    join(thread)
    assert outputs == [4]


@pytest.mark.anyio
async def test_async_executor_executes_several_runs_at_a_time(db: Database) -> None:
    barrier = asyncio.Event()
    arrived: list[int] = []

    async def wait_for_all(n: int) -> int:
        arrived.append(n)
        if len(arrived) == 3:
            barrier.set()
        await barrier.wait()
        return n

    async with AsyncClient(db.dsn) as client:
        executor = AsyncExecutor(client)
        together = workflow(("meet", wait_for_all))
        results = await asyncio.gather(*(executor.execute(together, n) for n in range(3)))
    assert [result.output for result in results] == [0, 1, 2]


@pytest.mark.anyio
async def test_step_on_the_loop_of_the_caller_may_use_what_belongs_to_it(db: Database) -> None:
    messages: asyncio.Queue[str] = asyncio.Queue()

    async def receive(input: Any) -> str:
        return await messages.get()

    async with AsyncClient(db.dsn) as client:
        run = AsyncExecutor(client).execute(workflow(("receive", receive)), {})
        task = asyncio.create_task(run)
        await messages.put("hello")
        assert (await task).output == "hello"


def test_executor_with_a_pool(db: Database) -> None:
    with ConnectionPool(db.dsn, min_size=1, open=True) as pool:
        executor = Executor(Client(pool))
        assert executor.execute(workflow(("len", len)), "four").output == 4


@pytest.mark.anyio
async def test_async_executor_with_a_pool(db: Database) -> None:
    async with AsyncConnectionPool(db.dsn, min_size=1, open=False) as pool:
        executor = AsyncExecutor(AsyncClient(pool))
        assert (await executor.execute(workflow(("len", len)), "four")).output == 4


def test_executor_cannot_work_in_the_transaction_of_the_caller(db: Database) -> None:
    with (
        psycopg.connect(db.dsn) as connection,
        pytest.raises(stepgres.InvalidInput, match="connections of its own") as error,
    ):
        Executor(Client(connection))
    assert "connection string" in str(error.value.hint)


@pytest.mark.anyio
async def test_async_executor_cannot_either_and_writes_nothing(db: Database) -> None:
    async with await psycopg.AsyncConnection.connect(db.dsn) as connection:
        with pytest.raises(stepgres.InvalidInput, match="connections of its own"):
            AsyncExecutor(AsyncClient(connection))
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
