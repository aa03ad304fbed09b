"""Steps whose effects are committed together with their completion: exactly once."""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from psycopg import AsyncConnection, Error, sql
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stepgres._async import connections as _async_connections
from stepgres._async.client import AsyncClient
from stepgres._attempts import write_output
from stepgres._conninfo import with_keepalive
from stepgres._runner import task_key
from stepgres._sync import connections as _sync_connections
from stepgres._sync.client import Client
from stepgres._threads import Call, in_thread
from stepgres.errors import LeaseLost, from_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import LiteralString, Self

    from stepgres._runner import Execution
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction


class Transactions:
    """Connections for the transactional steps of a worker, opened when there are such steps."""

    def __init__(self, conninfo: str, worker_id: str, size: int) -> None:
        self._worker_id = worker_id
        conninfo = with_keepalive(conninfo)
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
        self, function: StepFunction | None, item: WorkItem, context: Execution
    ) -> None:
        """Execute a task and complete it, or neither; context.is_lost if it is another's."""
        if function is None or inspect.iscoroutinefunction(function):
            await self._pool.open()
            async with self._pool.connection() as connection, connection.transaction():
                context.connection = connection
                if function is None:
                    with _losing(context):
                        await self._execute_in_sql(connection, item)
                    return
                try:
                    output = await function(*context.arguments(function))
                except CancelledError as error:
                    context.interrupted = error
                    raise
                with _losing(context):
                    await AsyncClient(connection).complete_task(
                        self._worker_id,
                        **task_key(item),
                        output=write_output(output, context),
                        tasks=context.added_tasks or None,
                    )
        else:
            self._thread_pool.open()
            call = context.call = Call(self._execute_in_thread, function, item, context)
            await call.wait()

    def _execute_in_thread(
        self, function: StepFunction, item: WorkItem, context: Execution
    ) -> None:
        with self._thread_pool.connection() as connection, connection.transaction():
            context.connection = connection
            output = function(*context.arguments(function))
            context.check()  # nothing is committed after the timeout
            with _losing(context):
                Client(connection).complete_task(
                    self._worker_id,
                    **task_key(item),
                    output=write_output(output, context),
                    tasks=context.added_tasks or None,
                )

    async def _execute_in_sql(self, connection: AsyncConnection[Any], item: WorkItem) -> None:
        # In one statement: what the function returns need not be such that Python can read it. Its
        # name was quoted by register_sql_function.
        call = sql.SQL(
            "select stepgres.complete_task(worker_id => %(worker_id)s, run_id => %(run_id)s,"
            " step_slug => %(step_slug)s, task_index => %(task_index)s, attempt => %(attempt)s,"
            " output => {}(%(input)s::jsonb))"
        ).format(sql.SQL(cast("LiteralString", item.sql_function)))
        arguments = {**task_key(item), "worker_id": self._worker_id, "input": item.input}
        try:
            await connection.execute(call, arguments)
        except Error as error:
            known = from_postgres(error)
            if isinstance(known, LeaseLost):
                raise known from error
            raise


@contextmanager
def _losing(context: Execution) -> Iterator[None]:
    """Completes a task: what is refused is lost. A LeaseLost that the step raises is its own."""
    try:
        yield
    except LeaseLost:
        context.lose()
        raise
