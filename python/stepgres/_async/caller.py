"""Connections, and calls of SQL functions over them."""

from __future__ import annotations

from asyncio import Lock
from contextlib import asynccontextmanager
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from psycopg import AsyncConnection, Error
from psycopg.errors import InvalidSchemaName
from psycopg.rows import scalar_row

from stepgres._arguments import slug_argument
from stepgres._async.connections import connect
from stepgres._conninfo import conninfo_of_pool, resolve_conninfo
from stepgres._json import Json, unreadable
from stepgres._notifications import AsyncNotifications
from stepgres.errors import InstallationError, InvalidInput, from_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from psycopg.adapt import Loader
    from psycopg.rows import AsyncRowFactory
    from psycopg_pool import AsyncConnectionPool
    from typing_extensions import Self

T = TypeVar("T")


@cache
def _needed(method: Callable[..., Any]) -> list[str]:
    """The arguments without a default of a method that calls a function of SQL."""
    parameters = signature(method).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


class AsyncCaller:
    """Calls SQL functions by their name and arguments; what AsyncClient is made of."""

    def __init__(
        self, conninfo: str | AsyncConnection[Any] | AsyncConnectionPool[Any] | None = None
    ) -> None:
        if conninfo is None or isinstance(conninfo, str):
            conninfo = resolve_conninfo(conninfo)
        elif not isinstance(conninfo, AsyncConnection):
            from psycopg_pool import AsyncConnectionPool

            if not isinstance(conninfo, AsyncConnectionPool):
                raise TypeError(
                    "conninfo is a string, AsyncConnection or AsyncConnectionPool, "
                    f"not {conninfo!r}"
                )
        self._source = conninfo
        self._own: AsyncConnection[Any] | None = None
        self._lock = Lock()
        self._notifications = AsyncNotifications(self.conninfo)

    @property
    def conninfo(self) -> str | None:
        """The string that new connections are made with, if the client has one."""
        if isinstance(self._source, AsyncConnection):
            return None
        if isinstance(self._source, str):
            return self._source
        return conninfo_of_pool(self._source)

    async def aclose(self) -> None:
        """Close what the client has opened, its listeners too; what is the caller's stays open."""
        await self._notifications.aclose()
        if self._own is not None:
            await self._own.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

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
        json: type[Loader] = Json,
        **arguments: Any,
    ) -> list[T]:
        method = getattr(type(self), function, None)  # some callers are no clients
        for name in _needed(method) if method else ():
            if name in arguments and arguments[name] is None:
                raise InvalidInput(
                    f"{function} needs {name}, which is None", hint=f"Pass a value for {name}."
                )
        for name in arguments.keys() & {"workflow_slug", "workflow_id"}:
            arguments[name] = slug_argument(arguments[name])
        given = {name: value for name, value in arguments.items() if value is not None}
        # in quotes: limit and offset are words of SQL
        names = ", ".join(f'"{name}" => %({name})s' for name in given)
        try:
            async with (
                self._connection() as connection,
                connection.cursor(row_factory=row_factory) as cursor,
            ):
                cursor.adapters.register_loader("jsonb", json)
                await cursor.execute(f"select * from stepgres.{function}({names})".encode(), given)
                return await cursor.fetchall()
        except InvalidSchemaName as error:
            if error.diag.statement_position is None:  # one that a function was looking for
                raise
            raise InstallationError(
                f'Stepgres is not installed in database "{connection.info.dbname}"',
                hint='Run "stepgres install", or call stepgres.install(conninfo).',
            ) from error
        except Error as error:
            known = from_postgres(error)
            raise known from (None if known is error else error)
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"PostgreSQL does not take the character {error.object[error.start]!a}",
                hint="Pass strings without halves of surrogate pairs.",
            ) from error
        except (RecursionError, ValueError) as error:
            raise unreadable(f"the answer of stepgres.{function}", error) from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        if isinstance(self._source, AsyncConnection):
            yield self._source
        elif isinstance(self._source, str):
            yield await self._open(self._source)
        else:
            async with self._source.connection() as connection:
                yield connection

    async def _open(self, conninfo: str) -> AsyncConnection[Any]:
        async with self._lock:
            if self._own is None or self._own.closed:
                self._own = await connect(conninfo)
            return self._own
