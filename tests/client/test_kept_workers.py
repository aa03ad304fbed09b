"""The workers of executors, which a client keeps for the next execution."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

import stepgres
from stepgres import AsyncClient, AsyncExecutor, Client, Executor
from stepgres._execution import local_run, run_worker
from tests.conftest import Database
from tests.support.proxy import Proxy
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import worker_ids
from tests.support.workflows import fail, workflow

DOUBLE = workflow(("double", lambda n: 2 * n))
_LONG = 3_600.0


@pytest.fixture(autouse=True)
def _kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_worker, "_KEPT", _LONG)
    monkeypatch.setattr(run_worker, "_LEASE", _LONG)
    monkeypatch.setattr(local_run, "_LOOK_INTERVAL", _LONG)


@pytest.mark.parametrize("logs", ["off", "info"])
@pytest.mark.parametrize("metrics", [False, True])
def test_second_execution_takes_four_round_trips_and_transactions(
    db: Database, logs: Any, metrics: bool
) -> None:
    """What logs and metrics write comes with the results."""
    with Proxy(db.dsn) as proxy, Client(proxy.dsn) as client:
        client.switch_metrics(metrics)
        executor = Executor(client, logs=logs)
        for n in range(10):  # by then psycopg has prepared all statements
            assert executor.execute(DOUBLE, n).output == 2 * n
        before = proxy.answers
        assert executor.execute(DOUBLE, 21).output == 42
        assert proxy.answers - before == 4  # start, claim, result, status


@pytest.mark.anyio
async def test_second_execution_of_an_async_executor_takes_four_too(db: Database) -> None:
    with Proxy(db.dsn) as proxy:
        async with AsyncClient(proxy.dsn) as client:
            executor = AsyncExecutor(client)
            for n in range(10):
                assert (await executor.execute(DOUBLE, n)).output == 2 * n
            before = proxy.answers
            assert (await executor.execute(DOUBLE, 21)).output == 42
            assert proxy.answers - before == 4


def test_executors_of_a_client_share_the_worker_that_it_keeps(db: Database, client: Client) -> None:
    Executor(client).execute(DOUBLE, 1)
    (kept,) = worker_ids(db.dsn)
    functions = {"double": lambda n: n + 1}
    assert Executor(client).execute_dynamic("demo", 1, functions).output == 2
    assert worker_ids(db.dsn) == {kept}


def test_each_of_several_executions_at_a_time_has_a_worker_which_is_kept(
    db: Database, client: Client
) -> None:
    barrier = Barrier(3)
    together = workflow(("meet", lambda _: barrier.wait(PATIENCE)))
    kept = []
    with ThreadPoolExecutor(3) as threads:
        for _ in range(2):
            list(threads.map(lambda n: Executor(client).execute(together, n), range(3)))
            kept.append(worker_ids(db.dsn))
    assert len(kept[0]) == 3
    assert kept[0] == kept[1]


def test_step_on_the_loop_of_an_executor_may_wait_for_another_execution(
    executor: Executor,
) -> None:
    async def outer(input: int) -> Any:
        return executor.execute(DOUBLE, input).output  # blocks its own loop meanwhile

    for _ in range(2):
        assert executor.execute(workflow(("outer", outer), slug="outer"), 2).output == 4


def test_worker_that_was_taken_for_dead_while_it_was_kept_is_registered_again(
    db: Database, client: Client
) -> None:
    executor = Executor(client)
    executor.execute(DOUBLE, 1)
    (kept,) = worker_ids(db.dsn)
    client.unregister_worker(kept)
    assert executor.execute(DOUBLE, 2).output == 4
    assert kept not in worker_ids(db.dsn)


def test_connection_that_was_lost_while_it_was_kept_is_replaced(db: Database) -> None:
    kept = "from pg_stat_activity where application_name = 'kept'"
    with Client(make_conninfo(db.dsn, application_name="kept")) as client, db.connect() as other:
        executor = Executor(client)
        executor.execute(DOUBLE, 1)
        cut = other.execute(f"select pg_terminate_backend(pid) {kept}")
        assert cut.rowcount == 2  # the connections of the client and of its worker
        wait_until(lambda: other.execute(f"select {kept}").rowcount == 0)
        assert executor.execute(DOUBLE, 2).output == 4


def test_workflow_that_was_deleted_since_the_last_execution_is_registered_again(
    client: Client, executor: Executor
) -> None:
    executor.execute(DOUBLE, 1)
    client.delete_flow("demo")
    assert executor.execute(DOUBLE, 2).output == 4


def test_another_workflow_under_the_same_name_and_version_is_not_executed(
    client: Client, executor: Executor
) -> None:
    executor.execute(DOUBLE, 1)
    client.delete_flow("demo")
    other = workflow(("double", fail), ("add", lambda i: i["double"] + 1))
    assert client.register_workflow(other) == 1
    assert executor.execute(DOUBLE, 2).output == 4


def test_version_that_has_been_optimized_since_the_last_execution_is_executed(
    client: Client, executor: Executor
) -> None:
    for n in range(20):  # enough runs to recommend a shorter timeout
        executor.execute(DOUBLE, n)
    assert client.optimize_workflow("demo") == 2
    run_id = executor.execute(DOUBLE, 2).run_id
    assert client.get_run(run_id).version == 2


def test_workflow_that_another_version_has_replaced_is_executed_in_its_own_version(
    client: Client, executor: Executor
) -> None:
    executor.execute(DOUBLE, 1)
    assert client.register_workflow(workflow(("double", fail), ("more", fail))) == 2
    for n in range(2):
        result = executor.execute(DOUBLE, n)
        assert result.output == 2 * n
        assert client.get_run(result.run_id).version == 1


def test_worker_that_failed_its_run_is_kept(db: Database, executor: Executor) -> None:
    with pytest.raises(stepgres.WorkflowFailed):
        executor.execute(workflow(("fail", fail)), {})
    (kept,) = worker_ids(db.dsn)
    assert executor.execute(DOUBLE, 2).output == 4
    assert worker_ids(db.dsn) == {kept}


def test_client_that_is_not_closed_keeps_a_worker_for_some_seconds_only(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "_KEPT", 0.01)
    executor = Executor(client)
    for n in range(3):
        assert executor.execute(DOUBLE, n).output == 2 * n
        wait_until(lambda: not worker_ids(db.dsn))
    wait_until(lambda: "stepgres-executor" not in [t.name for t in threading.enumerate()])


@pytest.mark.anyio
async def test_async_client_that_is_not_closed_keeps_a_worker_for_some_seconds_only(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "_KEPT", 0.01)
    async with AsyncClient(db.dsn) as client:
        executor = AsyncExecutor(client)
        for n in range(3):
            assert (await executor.execute(DOUBLE, n)).output == 2 * n
            await asyncio.to_thread(wait_until, lambda: not worker_ids(db.dsn))


def test_end_of_the_event_loop_ends_the_workers_that_are_kept(db: Database) -> None:
    async def execute() -> Any:
        async with AsyncConnectionPool(db.dsn, open=False) as pool:
            return (await AsyncExecutor(AsyncClient(pool)).execute(DOUBLE, 21)).output

    assert asyncio.run(execute()) == 42
    assert worker_ids(db.dsn) == set()
