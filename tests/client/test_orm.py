"""Clients that work in the transactions of SQLAlchemy and Django."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import django.db
import pytest
import sqlalchemy as sa
from django.db import transaction
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import stepgres
from stepgres import AsyncClient, Client
from tests.conftest import Database
from tests.support.orm import django_on, sqlalchemy_url

TEXT = {"é": ["日本", None]}


@pytest.fixture(autouse=True)
def shop(db: Database) -> None:
    with db.connect() as connection:
        connection.execute("select stepgres.create_flow('shop')")
        connection.execute("select stepgres.add_step('shop', 'fetch')")
        connection.execute("create table orders (id int)")


def stored(db: Database) -> tuple[list[int], int]:
    """The orders, and the number of runs, that are committed."""
    with db.connect() as connection:
        orders = [order for (order,) in connection.execute("select id from orders order by id")]
        return orders, len(connection.execute("select from stepgres.runs").fetchall())


@pytest.fixture
def engine(db: Database) -> Iterator[sa.Engine]:
    # its JSON is not that of Stepgres
    engine = sa.create_engine(sqlalchemy_url(db.dsn), json_deserializer=lambda text: "a string")
    yield engine
    engine.dispose()


INSERT = sa.text("insert into orders values (:id)")


def test_session_of_sqlalchemy_starts_a_run_with_its_rows_or_not_at_all(
    db: Database, engine: sa.Engine
) -> None:
    with Session(engine) as session:
        client = Client(session)
        assert client.conninfo is None
        for order, end in ((1, session.rollback), (2, session.commit)):
            run_id = client.start_workflow_run("shop", TEXT)  # before anything else is executed
            session.execute(INSERT, {"id": order})
            assert client.get_run(run_id).input == TEXT
            before = stored(db)
            assert before == ([], 0)  # the client has not committed
            end()
    assert stored(db) == ([2], 1)


def test_run_alone_is_committed_by_a_session_of_sqlalchemy(db: Database, engine: sa.Engine) -> None:
    with Session(engine) as session, session.begin():
        Client(session).start_workflow_run("shop", TEXT)
    assert stored(db) == ([], 1)


def test_nested_transaction_of_sqlalchemy_takes_its_run_back(
    db: Database, engine: sa.Engine
) -> None:
    with Session(engine) as session:
        session.execute(INSERT, {"id": 1})
        nested = session.begin_nested()
        Client(session).start_workflow_run("shop", TEXT)
        nested.rollback()
        session.commit()
    assert stored(db) == ([1], 0)


def test_error_of_stepgres_leaves_the_end_to_sqlalchemy(db: Database, engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.execute(INSERT, {"id": 1})
        with pytest.raises(stepgres.WorkflowNotFound), session.begin_nested():
            Client(session).start_workflow_run("no_such", TEXT)
        session.commit()
    assert stored(db) == ([1], 0)


def test_scoped_session_of_sqlalchemy(db: Database, engine: sa.Engine) -> None:
    sessions = scoped_session(sessionmaker(engine))
    client = Client(sessions)
    for order in (1, 2):
        sessions.execute(INSERT, {"id": order})
        client.start_workflow_run("shop", TEXT)
        sessions.commit()
        sessions.remove()
    assert stored(db) == ([1, 2], 2)


def test_connection_of_sqlalchemy_starts_a_run_with_its_rows_or_not_at_all(
    db: Database, engine: sa.Engine
) -> None:
    with engine.connect() as connection:
        client = Client(connection)
        for order, end in ((1, connection.rollback), (2, connection.commit)):
            client.start_workflow_run("shop", TEXT)
            connection.execute(INSERT, {"id": order})
            assert stored(db) == ([], 0)
            end()
    assert stored(db) == ([2], 1)


def test_run_alone_is_committed_by_a_connection_of_sqlalchemy(
    db: Database, engine: sa.Engine
) -> None:
    with engine.connect() as connection:
        Client(connection).start_workflow_run("shop", TEXT)
        connection.commit()
        Client(connection).start_workflow_run("shop", TEXT)
    with engine.begin() as connection:
        Client(connection).start_workflow_run("shop", TEXT)
    assert stored(db) == ([], 2)


@pytest.mark.anyio
async def test_async_session_and_connection_of_sqlalchemy(db: Database) -> None:
    engine = create_async_engine(sqlalchemy_url(db.dsn))
    async with AsyncSession(engine) as session:
        client = AsyncClient(session)
        for order, end in ((1, session.rollback), (2, session.commit)):
            run_id = await client.start_workflow_run("shop", TEXT)
            await session.execute(INSERT, {"id": order})
            assert (await client.get_run(run_id)).input == TEXT
            assert stored(db) == ([], 0)
            await end()
    async with engine.connect() as connection:
        for end in (connection.rollback, connection.commit):
            await AsyncClient(connection).start_workflow_run("shop", TEXT)
            assert stored(db) == ([2], 1)
            await end()
    await engine.dispose()
    assert stored(db) == ([2], 2)


@pytest.fixture
def django_connection(db: Database) -> Iterator[Any]:
    with django_on(db.dsn) as connection:
        yield connection


def insert(connection: Any, order: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into orders values (%s)", [order])


def test_connection_of_django_starts_a_run_with_its_rows_or_not_at_all(
    db: Database, django_connection: Any
) -> None:
    client = Client(django_connection)
    with transaction.atomic():
        run_id = client.start_workflow_run("shop", TEXT)
        insert(django_connection, 1)
        assert client.get_run(run_id).input == TEXT
        transaction.set_rollback(True)
    with transaction.atomic():
        client.start_workflow_run("shop", TEXT)
        insert(django_connection, 2)
        assert stored(db) == ([], 0)
    assert stored(db) == ([2], 1)


def test_savepoint_of_django_takes_its_run_back(db: Database, django_connection: Any) -> None:
    with transaction.atomic():
        insert(django_connection, 1)
        with pytest.raises(stepgres.WorkflowNotFound), transaction.atomic():
            Client(django_connection).start_workflow_run("no_such", TEXT)
        insert(django_connection, 2)
    assert stored(db) == ([1, 2], 0)


def test_connection_of_django_that_was_closed_is_opened_for_the_client(
    db: Database, django_connection: Any
) -> None:
    client = Client(django.db.connections["default"])
    client.start_workflow_run("shop", TEXT)  # outside of transactions Django commits at once
    django_connection.close()
    client.start_workflow_run("shop", TEXT)
    assert stored(db) == ([], 2)


def test_what_clients_take_is_listed_for_anything_else(db: Database, engine: sa.Engine) -> None:
    async_engine = create_async_engine(sqlalchemy_url(db.dsn))
    for thing in (engine, sessionmaker(engine), Session, AsyncSession(async_engine)):
        with pytest.raises(TypeError, match="Session or Connection of SQLAlchemy, or Django"):
            Client(thing)  # type: ignore[arg-type]
    for other in (engine, async_engine, Session(engine)):
        with pytest.raises(TypeError, match="AsyncSession or AsyncConnection of SQLAlchemy"):
            AsyncClient(other)  # type: ignore[arg-type]


def test_session_on_another_driver_is_told_which_one_to_use() -> None:
    with (
        Session(sa.create_engine("sqlite://")) as session,
        pytest.raises(stepgres.InvalidInput, match="sqlite3") as error,
    ):
        Client(session).start_workflow_run("shop", TEXT)
    assert "postgresql+psycopg://" in str(error.value.hint)


def test_neither_is_imported_with_stepgres() -> None:
    program = (
        "import sys, stepgres; stepgres.Client, stepgres.AsyncClient;"
        "print([name for name in ('sqlalchemy', 'django') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"
