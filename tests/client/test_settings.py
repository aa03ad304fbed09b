"""Settings of roles, databases and sessions, and adapters: none changes what is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

from stepgres import AsyncClient, Client, Executor
from tests.conftest import Database
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

TEXT = {"é": ["日本", 1.5, None]}
SETTINGS = [
    ("IntervalStyle", "sql_standard"),
    ("IntervalStyle", "iso_8601"),
    ("IntervalStyle", "postgres_verbose"),
    ("DateStyle", "German"),
    ("DateStyle", "SQL, DMY"),
    ("DateStyle", "Postgres"),
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("standard_conforming_strings", "off"),
    ("client_encoding", "LATIN1"),
    ("client_encoding", "SQL_ASCII"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
]
FLOW = workflow(
    ("list", lambda i: list(range(12)), {"condition": r'$ ? (@.kind like_regex "^\\w+$")'}),
    (
        "each",
        lambda i, context: context.connection.execute("select 2 * %s", [i]).fetchone()[0],
        {"map": True, "transactional": True, "depends_on": ["list"]},
    ),
    ("sum", lambda i: {"sum": sum(i["each"]), **TEXT}, {"depends_on": ["each"]}),
)
OUTPUT = {"sum": 132, **TEXT}


def set_for_database(db: Database, name: str, value: str) -> None:
    database = str(conninfo_to_dict(db.dsn)["dbname"])
    statement = sql.SQL("alter database {} set {} to {}")
    with db.connect() as connection:
        connection.execute("set default_transaction_read_only = off")
        names = sql.Identifier(database), sql.Identifier(name)
        values = sql.SQL(", ").join(value.split(", "))
        connection.execute(statement.format(*names, values))


@contextmanager
def caller(db: Database, name: str, value: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the caller's, with a setting that must still be there at the end."""
    with psycopg.connect(db.dsn) as connection:
        connection.execute("select set_config(%s, %s, false)", [name, value])
        connection.commit()
        before = connection.info.parameter_status(name), connection.info.encoding
        yield connection
        assert (connection.info.parameter_status(name), connection.info.encoding) == before


def define(client: Client) -> None:
    """A workflow with every kind of value in what is returned of it."""
    client.create_flow("shop")
    step = client.add_step("shop", "fetch", start_delay=90.5, condition="$.a > 1", timeout=7)
    assert step.start_delay == dt.timedelta(seconds=90.5)
    assert step.timeout == dt.timedelta(seconds=7)
    assert step.condition == '($."a" > 1)'


def look(client: Client, run_id: UUID) -> None:
    run = client.get_run(run_id)
    assert (run.input, run.tags) == (TEXT, ["a", "b"])
    (listed,) = client.list_workflow_runs(tags=["a"])
    assert (listed.input, listed.tags, listed.run_id) == (TEXT, ["a", "b"], run_id)
    age = dt.datetime.now(dt.timezone.utc) - listed.inserted_at
    assert abs(age) < dt.timedelta(days=1)
    assert run.inserted_at == listed.inserted_at
    assert client.get_run_input(run_id) == TEXT


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_settings_of_a_database_do_not_reach_a_client(
    db: Database, client: Client, name: str, value: str
) -> None:
    set_for_database(db, name, value)
    define(client)
    look(client, client.start_workflow_run("shop", TEXT, tags=["a", "b"]))
    message_id = client.send_with_notify("news", TEXT)
    (message,) = client.message_history("news")
    assert (message.message_id, message.message) == (message_id, TEXT)


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_settings_of_a_database_do_not_reach_a_worker_or_an_executor(
    db: Database, client: Client, name: str, value: str
) -> None:
    set_for_database(db, name, value)
    assert Executor(client).execute(FLOW, {"kind": "word"}).output == OUTPUT
    with running_worker(db.dsn, FLOW):
        (run_id,) = register_and_start(client, FLOW, [{"kind": "word"}])
        with client.listen("news", after="0") as listener:
            client.send_with_notify("news", TEXT)
            assert next(listener).payload == TEXT
        assert client.wait_for_run(run_id).output == OUTPUT
    with db.connect() as connection:  # a conflict between transactions would cost an attempt
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


def test_encoding_of_the_environment_does_not_reach_a_client(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGOPTIONS", "-c intervalstyle=sql_standard")
    with Client(db.dsn) as client:
        define(client)
        look(client, client.start_workflow_run("shop", TEXT, tags=["a", "b"]))


@pytest.mark.parametrize(
    ("name", "value"),
    # the transaction is the caller's
    [setting for setting in SETTINGS if not setting[0].startswith("default_transaction")],
)
def test_settings_of_the_caller_change_nothing_and_stay(
    db: Database, name: str, value: str
) -> None:
    with caller(db, name, value) as connection:
        client = Client(connection)
        define(client)
        run_id = client.start_workflow_run("shop", TEXT, tags=["a", "b"])
        look(client, run_id)
        connection.commit()
        look(client, run_id)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_encoding_of_the_caller_is_there_again_after_an_error(db: Database, encoding: str) -> None:
    with caller(db, "client_encoding", encoding) as connection:
        with pytest.raises(Exception, match="日本"):
            Client(connection).start_workflow_run("日本", TEXT)
        connection.rollback()
        connection.autocommit = True
        with pytest.raises(Exception, match="日本"):
            Client(connection).start_workflow_run("日本", TEXT)


class Broken(Loader):
    def load(self, data: Any) -> Any:
        return "not what was stored"


def test_adapters_of_the_caller_are_not_used(db: Database) -> None:
    with db.connect() as connection:
        for name in ("jsonb", "interval", "timestamptz", "uuid", "text", "bool", "int4", "int8"):
            connection.adapters.register_loader(name, Broken)
        client = Client(connection)
        define(client)
        look(client, client.start_workflow_run("shop", TEXT, tags=["a", "b"]))
        assert connection.execute("select 1").fetchone() == ("not what was stored",)


def test_adapters_of_the_whole_program_are_not_used(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.types.json._JsonLoader, "_loads", lambda data: "a string")
    monkeypatch.setattr(psycopg.adapters, "_loaders", list(psycopg.adapters._loaders))
    psycopg.adapters.register_loader("jsonb", TextLoader)
    define(client)
    look(client, client.start_workflow_run("shop", TEXT, tags=["a", "b"]))


def test_cursors_and_rows_of_the_caller_are_not_used(db: Database) -> None:
    with psycopg.connect(
        db.dsn, cursor_factory=psycopg.ClientCursor, row_factory=psycopg.rows.dict_row
    ) as connection:
        client = Client(connection)
        define(client)
        look(client, client.start_workflow_run("shop", TEXT, tags=["a", "b"]))


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "value"), SETTINGS)
async def test_settings_change_nothing_for_an_async_client(
    db: Database, name: str, value: str
) -> None:
    set_for_database(db, name, value)
    async with AsyncClient(db.dsn) as client:
        await client.create_flow("shop")
        step = await client.add_step("shop", "fetch", timeout=7)
        assert step.timeout == dt.timedelta(seconds=7)
        run_id = await client.start_workflow_run("shop", TEXT)
        assert (await client.get_run(run_id)).input == TEXT
