"""Calls of SQL functions over the connections of a client."""

from __future__ import annotations

import re
from asyncio import Lock
from contextlib import asynccontextmanager, nullcontext
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.errors import (
    FeatureNotSupported,
    InsufficientPrivilege,
    InvalidSchemaName,
    ReadOnlySqlTransaction,
    UndefinedFunction,
)
from psycopg.pq import TransactionStatus
from psycopg.rows import scalar_row

from stepgres._listening.notifications import AsyncNotifications
from stepgres._postgres.adapters import ADAPTERS
from stepgres._postgres.arguments import slug_argument
from stepgres._postgres.connections_async import (
    ValueCursor,
    check,
    committing,
    connect,
    in_utf8,
    retire,
)
from stepgres._postgres.conninfo import conninfo_of_pool, resolve_conninfo
from stepgres._postgres.json_text import unreadable
from stepgres._postgres.lost_connections import lost
from stepgres._postgres.orm import joining_async
from stepgres._postgres.owner import AsyncOwner
from stepgres._tracing.start import Start
from stepgres._version import __version__
from stepgres.errors import InstallationError, InvalidInput, from_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from contextlib import AbstractContextManager

    from psycopg.adapt import AdaptersMap
    from psycopg.rows import AsyncRowFactory
    from psycopg_pool import AsyncConnectionPool
    from typing_extensions import Self

    from stepgres._execution.run_worker import AsyncRunWorker
    from stepgres._postgres.orm import AsyncJoinable, AsyncJoining
    from stepgres._tracing.spans import Tracing
    from stepgres.workflow import WorkflowName

T = TypeVar("T")


@cache
def _needed(method: Callable[..., Any]) -> list[str]:
    """Return the arguments without a default of a method that calls a SQL function."""
    parameters = signature(method).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _wrong_types(method: Callable[..., Any] | None, given: dict[str, Any]) -> str:
    """Name the arguments of a call that have a type that the method does not take."""
    parameters = signature(method).parameters if method else {}
    types = {name: type(value).__name__ for name, value in given.items()}
    return ", ".join(
        f"{name} is of type {type}, and not {parameters[name].annotation}"
        for name, type in types.items()
        if name in parameters and type in ("int", "float", "bool", "bytes", "UUID")
        if not {type, "float", "Any"} & set(re.findall(r"\w+", str(parameters[name].annotation)))
    )


def call(function: str, given: Iterable[str]) -> str:
    """Return the SQL of a call with parameters of these names.

    The names are in quotes, since limit and offset are keywords of SQL.
    """
    arguments = ", ".join(f'"{name}" => %({name})s' for name in given)
    return f"stepgres.{function}({arguments})"


class AsyncCaller:
    """The base of AsyncClient: calls SQL functions by name and arguments."""

    _is_checked = False  # whether the schema serves clients of this version

    def __init__(
        self,
        conninfo: str
        | AsyncConnection[Any]
        | AsyncConnectionPool[Any]
        | AsyncJoinable
        | None = None,
        *,
        traces: bool = False,
    ) -> None:
        self._tracing: Tracing | None = None
        if traces:
            from stepgres._tracing.spans import Tracing

            self._tracing = Tracing()
        self._source: str | AsyncConnection[Any] | AsyncConnectionPool[Any] | AsyncJoining
        if conninfo is None or isinstance(conninfo, str):
            self._source = resolve_conninfo(conninfo)
        elif isinstance(conninfo, AsyncConnection):
            self._source = conninfo
        else:
            from psycopg_pool import AsyncConnectionPool

            if isinstance(conninfo, AsyncConnectionPool):
                self._source = conninfo
            else:
                self._source = joining_async(conninfo)
        self._owner = AsyncOwner(self)
        self._forget()

    @property
    def conninfo(self) -> str | None:
        """Return the connection string of new connections, if the client has such a string."""
        if isinstance(self._source, str):
            return self._source
        if isinstance(self._source, AsyncConnection) or callable(self._source):
            return None
        return conninfo_of_pool(self._source)

    @property
    def _notifications(self) -> AsyncNotifications:
        self._owner.check()
        return self._listening

    def _forget(self) -> None:
        """Forget all connections, without closing them; open new connections in this process."""
        self._own: AsyncConnection[Any] | None = None
        self._is_stale = False
        self._lock = Lock()
        self._turn = Lock()
        self._listening = AsyncNotifications(self.conninfo)
        self._idle_workers: list[AsyncRunWorker] = []  # of executors

    async def aclose(self) -> None:
        """Close the connections and listeners of the client, but no connection of the caller."""
        await self._notifications.aclose()
        while self._idle_workers:
            await self._idle_workers.pop().aclose()
        if self._own is not None:
            await self._own.close()
        self._owner.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _starting(
        self, name: WorkflowName, traceparent: str | None
    ) -> AbstractContextManager[Start]:
        """Return the start of runs, in a span if the client makes spans."""
        if self._tracing is None or traceparent is not None:
            return nullcontext(Start(traceparent))
        return self._tracing.starting(str(slug_argument(name)))

    async def _scalar(self, type: type[T], function: str, **arguments: Any) -> T:
        (value,) = await self._all(function, scalar_row, **arguments)
        return cast("T", value)

    async def _one(self, function: str, row_factory: AsyncRowFactory[T], **arguments: Any) -> T:
        (row,) = await self._all(function, row_factory, **arguments)
        return row

    async def _all(
        self,
        function: str,
        row_factory: AsyncRowFactory[T],
        *,
        adapters: AdaptersMap = ADAPTERS,
        **arguments: Any,
    ) -> list[T]:
        given = self._given(function, arguments)
        return await self._query(
            function, f"select * from {call(function, given)}", given, row_factory, adapters
        )

    async def _query(
        self,
        function: str,
        query: str,
        given: dict[str, Any],
        row_factory: AsyncRowFactory[T],
        adapters: AdaptersMap = ADAPTERS,
    ) -> list[T]:
        """Execute a query that calls a function. Errors that do not name a function name this."""
        await self._check_version()
        try:
            async with (
                self._connection() as connection,
                in_utf8(connection),
                ValueCursor(connection, row_factory, adapters) as cursor,
            ):
                try:
                    await cursor.execute(query.encode(), given)
                except FeatureNotSupported as error:
                    # an upgrade has given the rows more columns than the prepared statement has
                    if (
                        error.diag.source_function != "RevalidateCachedQuery"
                        or connection.info.transaction_status != TransactionStatus.IDLE
                    ):
                        raise
                    await connection.execute("deallocate all")
                    await cursor.execute(query.encode(), given)
                return await cursor.fetchall()
        except InvalidSchemaName as error:
            if error.diag.statement_position is None:  # a function did not find another schema
                raise
            raise InstallationError(
                f'Stepgres is not installed in database "{connection.info.dbname}"',
                hint='Run "stepgres install", or call stepgres.install(conninfo).',
            ) from error
        except UndefinedFunction as error:
            wrong = _wrong_types(getattr(type(self), function, None), given)
            if not wrong:  # a migration may be under way
                raise
            raise InvalidInput(
                f"{function}: {wrong}",
                hint="Pass names and keys as texts, and the id of a run as a UUID or a text.",
            ) from error
        except Error as error:
            # the server takes no writes any more: the next call may find another server
            self._is_stale = self._is_stale or isinstance(error, ReadOnlySqlTransaction)
            known = lost(error, function) or from_postgres(error)
            raise known from (None if known is error else error)
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"PostgreSQL does not take the character {error.object[error.start]!a}",
                hint="Pass strings without halves of surrogate pairs.",
            ) from error
        except (RecursionError, ValueError) as error:
            raise unreadable(f"the answer of stepgres.{function}", error) from error

    async def _check_version(self) -> None:
        """Raise VersionMismatch before the first call if the schema does not serve this client."""
        if self._is_checked or not isinstance(self._source, str):
            return
        self._is_checked = True
        try:
            await self._all("check_version", scalar_row, client_version=__version__)
        except InsufficientPrivilege:  # a role with few rights continues without the check
            pass
        except BaseException:
            self._is_checked = False
            raise

    def _given(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that are not None, with workflows as slugs."""
        method = getattr(type(self), function, None)  # some callers are not clients
        for name in _needed(method) if method else ():
            if name in arguments and arguments[name] is None:
                raise InvalidInput(
                    f"{function} needs {name}, which is None", hint=f"Pass a value for {name}."
                )
        for name in arguments.keys() & {"workflow_slug", "workflow_id"}:
            arguments[name] = slug_argument(arguments[name])
        return {name: value for name, value in arguments.items() if value is not None}

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        self._owner.check()
        if isinstance(self._source, AsyncConnection):
            yield self._source
        elif isinstance(self._source, str):
            connection = await self._open(self._source)
            if connection.autocommit:
                yield connection
            else:  # one transaction at a time
                async with self._turn, committing(connection):
                    yield connection
        elif callable(self._source):
            yield await self._source()
        else:
            async with self._lend(self._source) as connection:
                yield connection

    async def _open(self, conninfo: str) -> AsyncConnection[Any]:
        async with self._lock:
            if self._own is not None and not self._is_stale:
                try:
                    await check(self._own)
                except OperationalError:
                    pass
                else:
                    return self._own
            if self._own is not None:
                await retire(self._own)
            self._own = await connect(conninfo)
            self._is_stale = False
            return self._own

    @asynccontextmanager
    async def _lend(self, pool: AsyncConnectionPool[Any]) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a live connection of a pool; close connections that the server has ended."""
        while True:
            async with pool.connection() as connection:
                try:
                    await check(connection)
                except OperationalError:
                    await connection.close()
                    continue
                yield connection
                return
