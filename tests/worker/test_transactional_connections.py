"""The connections that a worker lends to transactional steps and to steps in SQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from stepgres import Client
from stepgres._execution import transactions as _transactions
from stepgres._execution.context import RunData
from stepgres._execution.runner import Execution, StepContext
from stepgres.types import WorkItem
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

PATIENCE = 120  # seconds
ONCE = {"transactional": True, "max_attempts": 1}
NAMED = {"application_name": "worker"}
FUNCTION = """
    create function public.leave(input jsonb) returns jsonb language plpgsql as $$
    begin
        create temporary table mine (x int);
        perform set_config('work_mem', '77MB', false), pg_advisory_lock(4711);
        return '1';
    end $$;
    select stepgres.register_sql_function('public.leave');
"""
LEAVE = (
    "create temporary table mine (x int)",
    "set work_mem = '77MB'",
    "set role pg_monitor",
    "reset role",
    "select pg_advisory_lock(4711)",
    "listen something",
    "declare c cursor with hold for select 1",
)


def leave(input: Any, context: StepContext) -> int:
    for statement in LEAVE:
        context.connection.execute(statement)
    return int(context.connection.info.backend_pid)


async def leave_async(input: Any, context: StepContext) -> int:
    for statement in LEAVE:
        await context.connection.execute(statement)
    return int(context.connection.info.backend_pid)


@pytest.mark.parametrize("function", [leave, leave_async, "public.leave"])
def test_step_finds_nothing_that_another_left_in_the_session(
    db: Database, client: Client, function: Any
) -> None:
    with db.connect() as connection:
        connection.execute(FUNCTION)
        flow = workflow(("only", function, ONCE if callable(function) else {"max_attempts": 1}))
        with running_worker(db.dsn, flow):
            outputs = set()
            locks = "select from pg_locks where locktype = 'advisory' and objid = 4711"
            for _ in range(3):
                (run_id,) = register_and_start(client, flow)
                outputs.add(client.wait_for_run(run_id).output)
                wait_until(lambda: not connection.execute(locks).fetchall())
            assert len(outputs) == 1  # it was the same session


def test_settings_of_stepgres_stay_after_a_step(db: Database, client: Client) -> None:
    def look(input: Any, context: StepContext) -> list[Any]:
        shown = []
        for name in ("DateStyle", "default_transaction_isolation", "client_encoding"):
            (value,) = context.connection.execute(f"show {name}").fetchone()
            shown.append(value.partition(",")[0])
        context.connection.execute("set DateStyle = German")
        return shown

    name = psycopg.conninfo.conninfo_to_dict(db.dsn)["dbname"]
    with db.connect() as connection:
        for setting in ("DateStyle = SQL", "default_transaction_isolation = serializable"):
            connection.execute(f"alter database {name} set {setting}".encode())
    flow = workflow(("only", look, {"transactional": True}))
    with running_worker(db.dsn, flow):
        for _ in range(3):
            (run_id,) = register_and_start(client, flow)
            assert client.wait_for_run(run_id).output == ["ISO", "read committed", "UTF8"]


def executed(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    query = "select count(*), max(attempt) from stepgres.tasks"
    (count, attempt) = connection.execute(query).fetchone() or (0, 0)
    return count, attempt


def note(input: Any, context: StepContext) -> None:
    context.connection.execute("insert into public.noted values (%s)", [context.attempt])


async def note_async(input: Any, context: StepContext) -> None:
    await context.connection.execute("insert into public.noted values (%s)", [context.attempt])


@pytest.mark.parametrize("function", [note, note_async])
def test_connections_that_a_restart_has_ended_cost_no_attempt(
    db: Database, client: Client, function: Any
) -> None:
    flow = workflow(
        ("list", lambda i: [1] * 4),
        ("each", function, {"depends_on": ["list"], "map": True, **ONCE}),
    )
    with db.connect() as connection:
        connection.execute("create table public.noted (attempt int)")
        with running_worker(make_conninfo(db.dsn, **NAMED), flow, concurrency=4):
            for _ in range(3):
                (run_id,) = register_and_start(client, flow)
                client.wait_for_run(run_id)
                connection.execute(
                    "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
                    " where application_name = 'worker'"
                )
        noted = connection.execute("select attempt from public.noted").fetchall()
        assert noted == [(1,)] * 12
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


@pytest.mark.parametrize("function", [note, note_async, "public.leave"])
def test_step_that_gets_no_connection_goes_back_without_an_attempt(
    db: Database,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    function: Any,
) -> None:
    class Pool(ConnectionPool[Any]):
        def getconn(self, timeout: float | None = None) -> Any:
            if not failures:
                return super().getconn(timeout)
            raise failures.pop()

    class AsyncPool(AsyncConnectionPool[Any]):
        async def getconn(self, timeout: float | None = None) -> Any:
            if not failures:
                return await super().getconn(timeout)
            raise failures.pop()

    failures = [PoolTimeout("none in time"), psycopg.OperationalError("the server is down")]
    monkeypatch.setattr(_transactions, "ConnectionPool", Pool)
    monkeypatch.setattr(_transactions, "AsyncConnectionPool", AsyncPool)
    flow = workflow(("only", function, ONCE if callable(function) else {"max_attempts": 1}))
    with db.connect() as connection:
        connection.execute("create table public.noted (attempt int)")
        connection.execute(FUNCTION)
        with running_worker(db.dsn, flow):
            (run_id,) = register_and_start(client, flow)
            client.wait_for_run(run_id)
        assert executed(connection) == (1, 1)
        assert connection.execute("select * from stepgres.attempts").fetchall() == []
    assert caplog.text.count("has not begun and goes back") == 2


@pytest.mark.parametrize("function", [note, note_async])
def test_step_that_waits_for_a_connection_until_its_timeout_costs_no_attempt(
    db: Database,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    function: Any,
) -> None:
    class Pool(ConnectionPool[Any]):
        def getconn(self, timeout: float | None = None) -> Any:
            if not asked.is_set():
                asked.set()
                assert is_given_up.wait(PATIENCE), "waited for the end of the first try"
            return super().getconn(timeout)

    class AsyncPool(AsyncConnectionPool[Any]):
        async def getconn(self, timeout: float | None = None) -> Any:
            if not asked.is_set():
                asked.set()
                await asyncio.sleep(PATIENCE)
            return await super().getconn(timeout)

    asked, is_given_up = Event(), Event()
    monkeypatch.setattr(_transactions, "ConnectionPool", Pool)
    monkeypatch.setattr(_transactions, "AsyncConnectionPool", AsyncPool)
    flow = workflow(("only", function, {**ONCE, "timeout": 0.3}))
    with db.connect() as connection:
        connection.execute("create table public.noted (attempt int)")
        with running_worker(db.dsn, flow):
            (run_id,) = register_and_start(client, flow)
            wait_until(lambda: "until its timeout" in caplog.text)
            is_given_up.set()  # the next try begins when the thread of this one has ended
            client.wait_for_run(run_id)
        assert connection.execute("select attempt from public.noted").fetchall() == [(1,)]
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


@pytest.mark.anyio
async def test_task_that_commits_is_not_given_up() -> None:
    item = WorkItem(
        run_id=UUID(int=0),
        workflow_slug="demo",
        workflow_version=1,
        step_slug="only",
        task_index=0,
        attempt=1,
        claim=1,
        input="null",
        timeout=timedelta(seconds=60),
        transactional=True,
        sql_function=None,
        priority=0,
        is_last_attempt=False,
        must_begin=False,
        is_refused=False,
    )
    context = Execution(item, RunData("null"), None, is_on_loop=True)
    with context.scope:
        context.begin()
        context.is_committing = True
        context.lose()  # the heartbeat finds the task completed, by this very commit
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not context.is_lost
    assert not context.scope.cancelled_caught
