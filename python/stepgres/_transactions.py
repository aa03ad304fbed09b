"""Steps whose effects are committed together with their completion: exactly once."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stepgres._async import connections as _async_connections
from stepgres._async.client import AsyncClient
from stepgres._runner import attempt_call, in_thread
from stepgres._sync import connections as _sync_connections
from stepgres._sync.client import Client

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import LiteralString, Self

    from stepgres._runner import StepContext
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction


class Transactions:
    """Connections for the transactional steps of a worker, opened when there are such steps."""

    def __init__(self, conninfo: str, worker_id: str, size: int) -> None:
        self._worker_id = worker_id
        options: dict[str, Any] = {
            "kwargs": {"autocommit": True},  # outside of the transactions of the steps
            "min_size": 0,
            "max_size": size,
            "open": False,
        }
        self._pool = AsyncConnectionPool(
            conninfo, configure=_async_connections.adapt_to_pooler, **options
        )
        self._thread_pool = ConnectionPool(
            conninfo, configure=_sync_connections.adapt_to_pooler, **options
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.close()
        await in_thread(self._thread_pool.close)

    async def execute(
        self, function: StepFunction | None, item: WorkItem, context: StepContext
    ) -> None:
        """Execute a task and complete it, or neither; LeaseLost if it has gone to another."""
        if function is None or inspect.iscoroutinefunction(function):
            await self._pool.open()
            async with self._pool.connection() as connection, connection.transaction():
                context.connection = connection
                if function is None:
                    output = await _call_sql(connection, item)
                else:
                    output = await function(*context.arguments(function, item.input))
                await AsyncClient(connection).complete_task(**self._completion(item, output))
        else:
            self._thread_pool.open()
            _, error = await in_thread(
                attempt_call, self._execute_in_thread, function, item, context
            )
            if error is not None:
                raise error

    def _execute_in_thread(
        self, function: StepFunction, item: WorkItem, context: StepContext
    ) -> None:
        with self._thread_pool.connection() as connection, connection.transaction():
            context.connection = connection
            output = function(*context.arguments(function, item.input))
            Client(connection).complete_task(**self._completion(item, output))

    def _completion(self, item: WorkItem, output: Any) -> dict[str, Any]:
        return {
            "worker_id": self._worker_id,
            "run_id": item.run_id,
            "step_slug": item.step_slug,
            "output": output,
            "task_index": item.task_index,
            "attempt": item.attempt,
        }


async def _call_sql(connection: AsyncConnection[Any], item: WorkItem) -> Any:
    # quoted by register_sql_function
    call = sql.SQL("select {}(%s)").format(sql.SQL(cast("LiteralString", item.sql_function)))
    cursor = await connection.execute(call, [Jsonb(item.input)])
    row = await cursor.fetchone()
    return row[0] if row else None
