"""Stepgres's own connections, also through a pooler, and reads over connections of others."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import AsyncConnection, AsyncCursor, Error, IsolationLevel, OperationalError, sql
from psycopg.pq import Format, TransactionStatus

from stepgres._postgres.conninfo import connecting, own_conninfo
from stepgres._postgres.lost_connections import has_ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg.adapt import AdaptersMap
    from psycopg.rows import AsyncRowFactory

T = TypeVar("T")

# The settings that Stepgres needs, and steps on a connection of Stepgres, besides the
# client_encoding of own_conninfo. A role, a database or a variable of libpq may set other values.
_SETTINGS = sql.SQL(
    """
    values ('DateStyle', 'ISO'), ('IntervalStyle', 'postgres'),
        ('standard_conforming_strings', 'on'),
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off')
    """
)
# A pooler reports a pid of its own, for requests to cancel, so another backend pid means a pooler.
# A setting made through a pooler would hold for other clients.
_PREPARE = sql.SQL(
    """
    select pg_backend_pid() = {pid},
        case when pg_backend_pid() = {pid} then
            (select count(set_config(s.name, s.value, false)) from ({settings}) as s (name, value))
        end,
        current_setting('default_transaction_isolation') = 'read committed'
            and current_setting('default_transaction_read_only') = 'off'
    """
)
# Resets the state that a session keeps after a transaction, except the statements of psycopg.
_RESET = sql.SQL(
    """
    close all; set session authorization default; reset all; unlisten *; discard temporary;
    discard sequences; select pg_advisory_unlock_all();
    select count(set_config(s.name, s.value, false)) from ({settings}) as s (name, value)
    """
).format(settings=_SETTINGS)


class ValueCursor(AsyncCursor[T]):
    """Reads values with adapters of stepgres._postgres.adapters, on a connection of any owner."""

    def __init__(
        self,
        connection: AsyncConnection[Any],
        row_factory: AsyncRowFactory[T],
        adapters: AdaptersMap,
    ) -> None:
        self._own_adapters = adapters
        super().__init__(connection, row_factory=row_factory)
        self.format = Format.BINARY

    @property
    def adapters(self) -> AdaptersMap:
        return self._own_adapters


async def connect(conninfo: str) -> AsyncConnection[Any]:
    """Return a new connection that commits each statement; ConnectionFailed if it fails.

    Through a pooler the connection may need `committing` to commit.
    """
    conninfo = own_conninfo(conninfo)
    with connecting(conninfo):
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        try:
            await prepare(connection)
        except BaseException:
            await connection.close()
            raise
    return connection


async def prepare(connection: AsyncConnection[Any]) -> None:
    """Set the settings that Stepgres needs on its own new connection in autocommit.

    A pooler that lends a server for one transaction keeps no settings, so nothing is set through
    a pooler. Instead each transaction begins with its characteristics, unless the defaults are
    right. Nothing is prepared through a pooler, either: psycopg uses the same names of statements
    in every process. On a server such a name may be missing, or belong to another statement.
    """
    await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
    await connection.set_read_only(False)
    await connection.set_deferrable(False)
    query = _PREPARE.format(pid=sql.Literal(connection.info.backend_pid), settings=_SETTINGS)
    row = await (await connection.execute(query)).fetchone()
    is_direct, _, is_right = row or (False, None, False)
    if not is_direct:
        connection.prepare_threshold = None
        if not is_right:
            await connection.set_autocommit(False)


def is_pooled(connection: AsyncConnection[Any]) -> bool:
    """Say whether prepare has found a pooler."""
    return connection.prepare_threshold is None


@asynccontextmanager
async def committing(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Run a block; commit at its end if the connection does not commit each statement."""
    if connection.autocommit:
        yield
    else:
        async with connection.transaction():
            yield


@asynccontextmanager
async def transaction(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Run a transaction; close a connection on which no transaction can begin."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(connection.transaction())
        except Error:
            await connection.close()
            raise
        yield


async def check(connection: AsyncConnection[Any]) -> None:
    """Raise OperationalError if the server has ended an idle connection; send nothing."""
    async with connection.lock:  # calls in other threads or tasks hold this lock
        if has_ended(connection):
            raise OperationalError("the server has closed the connection")


async def retire(connection: AsyncConnection[Any]) -> None:
    """Close a connection after the call that another task or thread makes on the connection."""
    async with connection.lock:
        await connection.close()


async def reset(connection: AsyncConnection[Any]) -> None:
    """Reset the session of a connection of `connect` that was lent to a step."""
    if not is_pooled(connection):
        await connection.execute(_RESET)


@asynccontextmanager
async def in_utf8(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Run a block with the encoding UTF8; restore the encoding of the connection afterwards."""
    encoding = connection.info.parameter_status("client_encoding")
    if encoding in ("UTF8", None):
        yield
        return
    change = sql.SQL("set client_encoding to {}")
    await connection.execute(change.format("UTF8"))
    try:
        yield
    finally:
        # after an error the rollback restores the encoding
        if connection.info.transaction_status != TransactionStatus.INERROR:
            await connection.execute(change.format(encoding))
