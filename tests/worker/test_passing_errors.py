"""Errors of the server that may pass: a worker or an executor that has begun waits for the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepgres import AsyncClient, AsyncExecutor, AsyncWorker, Client, Worker
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import workflow

FLOW = workflow(("only", lambda i: i))


def signature(connection: psycopg.Connection[Any], name: str) -> str:
    query = "select oid::regprocedure::text from pg_proc where oid = to_regproc(%s)"
    row = connection.execute(query, [f"stepgres.{name}"]).fetchone()
    assert row is not None
    return str(row[0])


def role(db: Database) -> str:
    """The DSN of a worker's login that is no superuser."""
    name = f"worker_of_{conninfo_to_dict(db.dsn)['dbname']}"
    with db.connect() as connection:
        connection.execute(f"create role {name} login".encode())
        connection.execute(f"grant usage on schema stepgres to {name}".encode())
        connection.execute(f"grant execute on all functions in schema stepgres to {name}".encode())
        connection.execute(f"grant select on stepgres.workers to {name}".encode())
    return make_conninfo(db.dsn, user=name)


def take_right(db: Database, connection: psycopg.Connection[Any]) -> Callable[[], Any]:
    name = f"worker_of_{conninfo_to_dict(db.dsn)['dbname']}"
    function = signature(connection, "work")
    connection.execute(f"revoke execute on function {function} from {name}, public".encode())
    return lambda: connection.execute(f"grant execute on function {function} to {name}".encode())


def rename_function(db: Database, connection: psycopg.Connection[Any]) -> Callable[[], Any]:
    connection.execute(f"alter function {signature(connection, 'work')} rename to gone".encode())
    function = signature(connection, "gone")
    return lambda: connection.execute(f"alter function {function} rename to work".encode())


def rename_schema(db: Database, connection: psycopg.Connection[Any]) -> Callable[[], Any]:
    connection.execute("alter schema stepgres rename to gone")
    return lambda: connection.execute("alter schema gone rename to stepgres")


FAULTS = [take_right, rename_function, rename_schema]


@pytest.mark.parametrize("fault", FAULTS)
def test_worker_goes_on_after_a_migration_has_taken_what_it_needs(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture, fault: Callable[..., Any]
) -> None:
    caplog.set_level(logging.WARNING, "stepgres")
    dsn = role(db)
    with db.connect() as connection, running_worker(dsn, FLOW, listen=False, lease=3600):
        repair = fault(db, connection)
        wait_until(lambda: caplog.text.count("the server refuses, trying again") >= 2)
        repair()
        (run_id,) = register_and_start(client, FLOW, [7])
        assert client.wait_for_run(run_id).output == 7


@pytest.mark.parametrize("fault", FAULTS)
def test_executor_goes_on_after_a_migration_has_taken_what_it_needs(
    db: Database, caplog: pytest.LogCaptureFixture, fault: Callable[..., Any]
) -> None:
    caplog.set_level(logging.WARNING, "stepgres")
    dsn = role(db)
    repairs: list[Callable[[], Any]] = []

    def lose(input: Any) -> int:
        repairs.append(fault(db, connection))
        return 1

    async def repair() -> None:
        await asyncio.to_thread(
            wait_until, lambda: "the server refuses, trying again" in caplog.text
        )
        repairs.pop()()

    async def execute() -> Any:
        flow = workflow(("a", lose), ("b", lambda i: i["a"] + 1))
        async with AsyncClient(dsn) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(repair)
            result = await AsyncExecutor(client).execute(flow, None)
        return result.output

    with db.connect() as connection:
        assert asyncio.run(execute()) == 2


def test_connection_to_a_server_that_takes_no_writes_is_made_anew(db: Database) -> None:
    """A demoted primary; target_session_attrs or the name of the server may lead to another one."""
    with Client(make_conninfo(db.dsn, application_name="demoted")) as client, db.connect() as other:
        client.version()
        assert client._own is not None
        before = client._own.info.backend_pid
        client._own.execute("set default_transaction_read_only = on")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            client.create_flow("shop")
        assert client.create_flow("shop") == "shop"
        pids = other.execute("select pid from pg_stat_activity where application_name = 'demoted'")
        assert before not in {pid for (pid,) in pids}


def test_worker_goes_on_after_its_server_took_no_writes_for_a_while(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stepgres")
    with db.connect() as connection, running_worker(db.dsn, FLOW, listen=False):
        # as a standby does, and default_transaction_read_only does not to Stepgres
        connection.execute(
            "create function public.refuse() returns trigger language plpgsql as $$ begin"
            " raise read_only_sql_transaction; end $$;"
            "create trigger refuse before update on stepgres.workers"
            " execute function public.refuse()"
        )
        wait_until(lambda: "trying again: ReadOnlySqlTransaction" in caplog.text)
        connection.execute("drop trigger refuse on stepgres.workers")
        (run_id,) = register_and_start(client, FLOW, [7])
        assert client.wait_for_run(run_id).output == 7


def test_error_of_the_program_ends_a_worker(db: Database) -> None:
    async def run() -> None:
        async with AsyncClient(db.dsn) as client:
            worker = AsyncWorker(client, [FLOW], listen=False)

            async def broken(*_: Any, **__: Any) -> None:
                raise TypeError("no error of the server")

            worker._client.work_as_text = broken  # type: ignore[method-assign,assignment]
            await worker.run()

    with pytest.raises(TypeError, match="no error of the server"):
        asyncio.run(run())
    assert worker_ids(db.dsn) == set()


def test_cancelled_worker_gives_its_tasks_back_at_once(db: Database, client: Client) -> None:
    begun = Event()

    async def hang(input: Any) -> None:
        begun.set()
        await asyncio.sleep(3600)

    flow = workflow(("only", hang, {"max_attempts": 1}))
    (run_id,) = register_and_start(client, flow)

    async def run() -> None:
        async with AsyncClient(db.dsn) as own:
            work = asyncio.create_task(AsyncWorker(own, [flow], lease=3600).run())
            await asyncio.to_thread(wait_until, begun.is_set)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

    async def run_in_scope() -> None:
        async with AsyncClient(db.dsn) as own, anyio.create_task_group() as tasks:
            tasks.start_soon(AsyncWorker(own, [flow], lease=3600).run)
            await asyncio.to_thread(wait_until, begun.is_set)
            tasks.cancel_scope.cancel()

    for how in (run, run_in_scope):
        begun.clear()
        asyncio.run(how())
        assert worker_ids(db.dsn) == set()
        with db.connect() as connection:
            tasks = connection.execute("select status, attempt from stepgres.tasks").fetchall()
            assert [status for status, _ in tasks] == ["queued"]
            assert connection.execute("select * from stepgres.attempts").fetchall() == []
    with running_worker(db.dsn, workflow(("only", lambda i: "done", {"max_attempts": 1}))):
        assert client.wait_for_run(run_id).output == "done"


def test_worker_works_where_an_event_loop_runs_already(db: Database, client: Client) -> None:
    """As in a notebook."""
    (run_id,) = register_and_start(client, FLOW, [7])

    worker = Worker(client, [FLOW])

    def stop_when_completed() -> None:
        client.wait_for_run(run_id)
        worker.stop()

    async def cell() -> int:
        Thread(target=stop_when_completed, daemon=True).start()
        return worker.run()

    assert asyncio.run(cell()) == 0
    assert client.get_run(run_id).output == 7
