"""Connections of Stepgres's own, which may lead through a pooler, and what is read over others'."""

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

# What Stepgres relies on, or steps that are lent a connection do, besides the client_encoding of
# own_conninfo. A role, a database or a variable of libpq may say something else.
_SETTINGS = sql.SQL(
    """
    values ('DateStyle', 'ISO'), ('IntervalStyle', 'postgres'),
        ('standard_conforming_strings', 'on'),
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off')
    """
)
# A pooler has told a number of its own, with which it would be asked to cancel. What is set through
# one is set for others.
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
# Whatever a session keeps when its transaction is over, but for the statements of psycopg.
_RESET = sql.SQL(
    """
    close all; set session authorization default; reset all; unlisten *; discard temporary;
    discard sequences; select pg_advisory_unlock_all();
    select count(set_config(s.name, s.value, false)) from ({settings}) as s (name, value)
    """
).format(settings=_SETTINGS)


class ValueCursor(AsyncCursor[T]):
    """Reads values as adapters of stepgres._postgres.adapters do, on whosever connection."""

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
    """A new connection that commits each statement; ConnectionFailed if there can be none.

    Through a pooler it may need `committing` to do so.
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
    """Set what Stepgres relies on, for a new connection of its own that commits each statement.

    A pooler that lends a server for one transaction keeps no settings. Nothing is set through one:
    transactions are begun as they have to be, unless they are already. And nothing is prepared:
    psycopg does that under names that are the same in every process, which would come to servers
    where such a name is missing, or taken, or another statement's.
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
    """What prepare has found."""
    return connection.prepare_threshold is None


@asynccontextmanager
async def committing(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A block whose statements are committed at its end, if each of them is not."""
    if connection.autocommit:
        yield
    else:
        async with connection.transaction():
            yield


@asynccontextmanager
async def transaction(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A transaction; a connection on which none can begin is closed, and not lent again."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(connection.transaction())
        except Error:
            await connection.close()
            raise
        yield


async def check(connection: AsyncConnection[Any]) -> None:
    """OperationalError if the server has ended an idle connection; nothing is sent to it."""
    async with connection.lock:  # of calls in other threads or tasks
        if has_ended(connection):
            raise OperationalError("the server has closed the connection")


async def retire(connection: AsyncConnection[Any]) -> None:
    """Close a connection when the call is over that another task or thread makes on it."""
    async with connection.lock:
        await connection.close()


async def reset(connection: AsyncConnection[Any]) -> None:
    """Remove what somebody who was lent a connection of `connect` may have left in its session."""
    if not is_pooled(connection):
        await connection.execute(_RESET)


@asynccontextmanager
async def in_utf8(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A block in which any character passes the connection, which is its owner's afterwards."""
    encoding = connection.info.parameter_status("client_encoding")
    if encoding in ("UTF8", None):
        yield
        return
    change = sql.SQL("set client_encoding to {}")
    await connection.execute(change.format("UTF8"))
    try:
        yield
    finally:
        # after an error the rollback does it
        if connection.info.transaction_status != TransactionStatus.INERROR:
            await connection.execute(change.format(encoding))
