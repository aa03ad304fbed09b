"""Workers and clients behind a transaction pooler, which needs PgBouncer on the machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from stepgres import Client, Executor
from stepgres._execution import worker
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.pooler import find_pgbouncer, pooler
from tests.support.steps import Booking
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_process
from tests.support.workflows import workflow

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed")

FLOW = workflow(("only", lambda i: i))
TASKS_OF_BOOKING = {("ordinary", 0), ("booked", 0), ("each", 0), ("each", 1), ("each", 2)}
FUNCTION = """
    create table public.booked (input jsonb);
    create function public.book(input jsonb) returns jsonb language sql as
        'insert into public.booked values (input) returning input -> ''each'' -> 0'
"""


@pytest.fixture
def pooled(db: Database) -> Iterator[str]:
    """The DSN of the database through two connections for everybody."""
    with pooler(db.dsn, size=2) as dsn:
        yield dsn


def book(connection: psycopg.Connection[Any]) -> None:
    connection.execute(FUNCTION)
    connection.execute("select stepgres.register_sql_function('public.book')")


def prepared_statements(dsn: str) -> int:
    with psycopg.connect(dsn, prepare_threshold=None) as connection:
        rows = connection.execute("select from pg_prepared_statements").fetchall()
    return len(rows)


@pytest.mark.parametrize("options", [("--no-listen",), ()])
def test_workers_that_share_few_connections_execute_everything_once(
    db: Database, client: Client, ledger: Ledger, pooled: str, options: tuple[str, ...]
) -> None:
    book(ledger.connection)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(worker_process(pooled, "Booking", options=options))
        run_ids = register_and_start(client, Booking, list(range(40)))
        with Client(pooled) as waiting:
            outputs = [waiting.wait_for_run(run_id).output for run_id in run_ids]
        assert outputs == list(range(40))
        assert prepared_statements(pooled) == 0
    executed = {(run_id, *task): 1 for run_id in run_ids for task in TASKS_OF_BOOKING}
    assert ledger.tasks() == executed
    booked = ledger.connection.execute("select (input #>> '{each,0}')::int from public.booked")
    assert sorted(booked.fetchall()) == [(number,) for number in range(40)]


def test_executor_behind_a_pooler(db: Database, ledger: Ledger, pooled: str) -> None:
    book(ledger.connection)

    async def write(input: Any, context: Any) -> Any:
        cursor = await context.connection.execute("select pg_current_xact_id()::text")
        return await cursor.fetchone()

    flow = workflow(
        ("a", lambda i: list(range(i))),
        ("b", write, {"map": True, "transactional": True, "depends_on": ["a"]}),
        ("c", lambda i: {"each": [len({entry for (entry,) in i["b"]})]}),
        ("d", "public.book"),
    )
    with Client(pooled) as client:
        for _ in range(5):
            assert Executor(client).execute(flow, 20).output == 20


def test_worker_that_finds_a_pooler_polls(
    db: Database, pooled: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stepgres")
    with Client(pooled) as client, running_worker(pooled, FLOW):
        wait_until(lambda: "polling: notifications may not pass" in caplog.text)
        (run_id,) = register_and_start(client, FLOW, [7])
        assert client.wait_for_run(run_id).output == 7


def test_worker_is_notified_past_the_pooler(
    db: Database, client: Client, pooled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PAUSES", (0.001, 86_400.0))
    monkeypatch.setattr(worker, "_LISTENING_PAUSE", 86_400.0)
    query = "select from stepgres.workers as w, pg_stat_activity as a where w.is_waiting"
    query += " and a.query like 'listen%' and a.state = 'idle'"
    with db.connect() as connection, running_worker(pooled, FLOW, listen=db.dsn):
        wait_until(lambda: connection.execute(query.encode()).fetchall())
        (run_id,) = register_and_start(client, FLOW, [7])
        assert client.wait_for_run(run_id).output == 7


@pytest.mark.parametrize(
    "setting",
    [
        "IntervalStyle = sql_standard",
        "DateStyle = German",
        "standard_conforming_strings = off",
        "client_encoding = LATIN1",
        "default_transaction_isolation = serializable",
        "default_transaction_read_only = on",
    ],
)
def test_settings_of_a_database_do_not_reach_what_works_behind_a_pooler(
    db: Database, setting: str
) -> None:
    name = conninfo_to_dict(db.dsn)["dbname"]
    with db.connect() as connection:
        connection.execute("create table public.noted (input int)")
        connection.execute(f"alter database {name} set {setting}".encode())

    def note(input: Any, context: Any) -> str:
        context.connection.execute("insert into public.noted values (%s)", [input])
        return "日本"

    flow = workflow(
        ("list", lambda i: list(range(8)), {"condition": r'$ ? (@.x like_regex "^\\w$")'}),
        ("each", note, {"map": True, "transactional": True, "depends_on": ["list"]}),
    )
    with pooler(db.dsn, size=4) as pooled, Client(pooled) as client:
        with running_worker(pooled, flow):
            run_ids = register_and_start(client, flow, [{"x": "y"}] * 3)
            for run_id in run_ids:
                assert client.wait_for_run(run_id).output == ["日本"] * 8
        assert len(client.list_workflow_runs()) == 3
        with client.listen("news", after="0") as listener:
            client.send_with_notify("news", "日本")
            assert next(listener).payload == "日本"
    with db.connect() as connection:
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


def test_nothing_is_set_through_a_pooler_for_others(db: Database) -> None:
    name = conninfo_to_dict(db.dsn)["dbname"]
    with db.connect() as connection:
        connection.execute(f"alter database {name} set IntervalStyle = iso_8601".encode())
    with pooler(db.dsn, size=1) as pooled:
        with Client(pooled) as client:
            assert client.create_flow("shop") == "shop"
        with psycopg.connect(pooled, prepare_threshold=None) as connection:
            assert connection.execute("show intervalstyle").fetchone() == ("iso_8601",)
