"""Connections of SQLAlchemy or Django: a client works in the transactions of these connections.

This module imports neither library. A program that passes an object of a library has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, Union

from psycopg import AsyncConnection, Connection

from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    import sqlalchemy
    import sqlalchemy.ext.asyncio
    import sqlalchemy.orm

C = TypeVar("C", Connection[Any], AsyncConnection[Any])

Joining: TypeAlias = Callable[[], Connection[Any]]
AsyncJoining: TypeAlias = Callable[[], Awaitable[AsyncConnection[Any]]]


class DjangoConnection(Protocol):
    """django.db.connection, or one of django.db.connections."""

    def ensure_connection(self) -> None:
        """Open the connection if it is not open."""


Joinable: TypeAlias = Union[
    "sqlalchemy.orm.Session",
    "sqlalchemy.orm.scoped_session[Any]",
    "sqlalchemy.Connection",
    DjangoConnection,
]
AsyncJoinable: TypeAlias = Union[
    "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.async_scoped_session[Any]",
    "sqlalchemy.ext.asyncio.AsyncConnection",
]


def joining(thing: Any) -> Joining:
    """Return a function that returns the psycopg connection that a thing uses at that moment.

    The function begins the transaction, as the thing does before it executes a statement.
    """
    if _is_one_of(thing, "sqlalchemy.orm", "Session", "scoped_session"):
        return lambda: _psycopg(thing.connection().connection.driver_connection, Connection)
    if _is_one_of(thing, "sqlalchemy", "Connection"):

        def join() -> Connection[Any]:
            if not thing.in_transaction():
                thing.begin()
            return _psycopg(thing.connection.driver_connection, Connection)

        return join
    if _is_one_of(thing, "django.utils.connection", "ConnectionProxy") or _is_one_of(
        thing, "django.db.backends.base.base", "BaseDatabaseWrapper"
    ):

        def join_django() -> Connection[Any]:
            thing.ensure_connection()
            return _psycopg(thing.connection, Connection)

        return join_django
    raise TypeError(
        "a client takes a connection string, a psycopg Connection or ConnectionPool, a Session or"
        f" Connection of SQLAlchemy, or Django's connection, not {_describe(thing)}"
    )


def joining_async(thing: Any) -> AsyncJoining:
    """Return the same for the async classes of SQLAlchemy: see joining."""
    if _is_one_of(thing, "sqlalchemy.ext.asyncio", "AsyncSession", "async_scoped_session"):

        async def join_session() -> AsyncConnection[Any]:
            return await _driver_connection(await thing.connection())

        return join_session
    if _is_one_of(thing, "sqlalchemy.ext.asyncio", "AsyncConnection"):

        async def join() -> AsyncConnection[Any]:
            if not thing.in_transaction():
                await thing.begin()
            return await _driver_connection(thing)

        return join
    raise TypeError(
        "an async client takes a connection string, a psycopg AsyncConnection or"
        " AsyncConnectionPool, or an AsyncSession or AsyncConnection of SQLAlchemy,"
        f" not {_describe(thing)}"
    )


async def _driver_connection(
    connection: sqlalchemy.ext.asyncio.AsyncConnection,
) -> AsyncConnection[Any]:
    raw = await connection.get_raw_connection()
    return _psycopg(raw.driver_connection, AsyncConnection)


def _is_one_of(thing: Any, module: str, *classes: str) -> bool:
    imported = sys.modules.get(module)
    return imported is not None and isinstance(
        thing, tuple(getattr(imported, name) for name in classes)
    )


def _describe(thing: Any) -> str:
    """Name the type of a thing; its repr may have a password."""
    return f"class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__


def _psycopg(connection: Any, expected: type[C]) -> C:
    if isinstance(connection, expected):
        return connection
    raise InvalidInput(
        f"the transaction is one of {type(connection).__module__}, and Stepgres joins transactions"
        f" of psycopg.{expected.__name__}",
        hint="Use psycopg 3: create_engine or create_async_engine with postgresql+psycopg://, or"
        " Django 4.2 or newer with psycopg installed and psycopg2 not.",
    )
