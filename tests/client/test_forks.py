"""Clients that were used before a fork, and async clients in more than one event loop."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

import stepgres
from stepgres import AsyncClient, Client
from tests.conftest import Database
from tests.support.workers import worker_ids

PATIENCE = 120  # seconds


def in_forks(function: Callable[[], Any], count: int = 1) -> list[Any]:
    """What a function returns in forks of this process, or the error that it raises there."""
    context = multiprocessing.get_context("fork")
    ends = []
    for _ in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(function, there))
        process.start()
        ends.append((here, process))
    answers = []
    for here, process in ends:
        assert here.poll(PATIENCE), "waited for the answer of a fork"
        answers.append(here.recv())
        process.join(PATIENCE)
        assert process.exitcode == 0
    return answers


def _answer(function: Callable[[], Any], end: Any) -> None:
    try:
        answer = function()
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    end.send(answer)


def pids(db: Database, name: str) -> set[int]:
    with db.connect() as connection:
        query = "select pid from pg_stat_activity where application_name = %s"
        return {pid for (pid,) in connection.execute(query, [name])}


def test_client_that_was_used_before_a_fork_has_a_connection_of_its_own_in_each_process(
    db: Database,
) -> None:
    with Client(make_conninfo(db.dsn, application_name="forked")) as client:
        client.create_flow("shop")
        client.add_step("shop", "fetch")
        before = pids(db, "forked")

        def use() -> list[str]:
            run_ids = [client.start_workflow_run("shop", os.getpid()) for _ in range(20)]
            assert {client.get_run(run_id).input for run_id in run_ids} == {os.getpid()}
            return [str(run_id) for run_id in run_ids]

        started = in_forks(use, 3)
        assert len({run_id for run_ids in started for run_id in run_ids}) == 60
        assert use()
        assert pids(db, "forked") == before  # no fork has closed it


def test_client_that_listened_before_a_fork_listens_in_the_fork(
    db: Database, client: Client
) -> None:
    with client.listen("news") as listener:

        def use() -> list[Any]:
            with client.listen("news", after="0") as own:
                client.send_with_notify("news", "from the fork")
                return [next(own).payload, list(listener)]  # nothing comes to the parent's here

        assert in_forks(use) == [["from the fork", []]]
        assert next(listener).payload == "from the fork"


def test_connection_or_pool_of_the_caller_is_not_shared_with_a_fork(db: Database) -> None:
    with db.connect() as connection, ConnectionPool(db.dsn, min_size=1, open=True) as pool:
        pool.wait()
        for client in (Client(connection), Client(pool)):
            (answer,) = in_forks(client.version)
            assert "InvalidInput" in answer
            assert "another process opened" in answer
            assert client.version() == stepgres.__version__


def test_pool_that_is_opened_after_the_fork_is_used(db: Database) -> None:
    pool = ConnectionPool(db.dsn, min_size=1, open=False)
    client = Client(pool)

    def use() -> str:
        with pool:
            return client.version()

    assert in_forks(use) == [stepgres.__version__]


def test_worker_in_a_fork_of_a_process_that_has_used_its_client(
    db: Database, client: Client
) -> None:
    client.create_flow("shop")
    with Client(db.dsn) as before:
        before.version()
        (answer,) = in_forks(lambda: stepgres.Executor(before).execute(_Double, 21).output)
    assert answer == 42


def test_fork_leaves_the_workers_that_its_parent_keeps_to_the_parent(
    db: Database, client: Client
) -> None:
    executor = stepgres.Executor(client)

    def execute() -> Any:
        return executor.execute(_Double, 21).output

    assert execute() == 42
    (kept,) = worker_ids(db.dsn)
    assert in_forks(execute, 2) == [42, 42]
    assert execute() == 42
    assert kept in worker_ids(db.dsn)


class _Double(stepgres.Workflow):
    @staticmethod
    @stepgres.step()
    def double(input: Any) -> Any:
        return 2 * input


async def call(client: AsyncClient) -> str:
    return await client.version()


async def listen(client: AsyncClient) -> None:
    async with client.listen("news"):
        pass


async def execute(client: AsyncClient) -> None:
    await stepgres.AsyncExecutor(client).execute(_Double, 21)


@pytest.mark.parametrize("use", [call, listen, execute])
def test_async_client_in_a_second_event_loop_is_refused_at_once(
    db: Database, use: Callable[[AsyncClient], Any]
) -> None:
    client = AsyncClient(db.dsn)

    async def first() -> None:
        await execute(client)
        with pytest.raises(stepgres.InvalidInput, match="another event loop") as error:
            await asyncio.to_thread(asyncio.run, use(client))
        assert "in each event loop" in str(error.value.hint)
        assert await client.version() == stepgres.__version__
        assert client._own is not None
        own.append(client._own)

    own: list[psycopg.AsyncConnection[Any]] = []
    asyncio.run(first())
    with pytest.raises(stepgres.InvalidInput, match="another event loop"):
        asyncio.run(use(client))
    asyncio.run(own[0].close())


def test_async_client_that_was_closed_can_be_used_in_another_event_loop(db: Database) -> None:
    client = AsyncClient(db.dsn)

    async def use() -> str:
        async with client, client.listen("news"):
            return await client.version()

    assert [asyncio.run(use()) for _ in range(2)] == [stepgres.__version__] * 2
