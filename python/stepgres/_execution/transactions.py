"""Execute transactional steps, which commit their effects and their completion exactly once."""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from psycopg import AsyncConnection, Connection, Error, sql
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stepgres._client.client import Client
from stepgres._client.client_async import AsyncClient
from stepgres._execution.attempts import write_output
from stepgres._execution.runner import NotBegun, task_key
from stepgres._execution.threads import Call, in_thread
from stepgres._postgres import connections, connections_async
from stepgres.errors import LeaseLost, from_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from typing_extensions import LiteralString, Self

    from stepgres._execution.runner import Execution
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction


class Transactions:
    """Connections for the transactional steps of a worker, which open with the first such step.

    The connection string comes from own_conninfo.
    """

    def __init__(self, conninfo: str, worker_id: str, size: int) -> None:
        self.worker_id = worker_id
        self.conninfo = conninfo
        options: dict[str, Any] = {
            "kwargs": {"autocommit": True},  # steps begin their own transactions
            "min_size": 0,
            "max_size": size,
            "open": False,
        }
        self._pool = AsyncConnectionPool(
            conninfo,
            configure=connections_async.prepare,
            check=connections_async.check,
            reset=connections_async.reset,
            **options,
        )
        self._thread_pool = ConnectionPool(
            conninfo,
            configure=connections.prepare,
            check=connections.check,
            reset=connections.reset,
            **options,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        if not self._thread_pool.closed:  # it was opened
            await in_thread(self._thread_pool.close)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a connection in a transaction, which commits at the end of the block."""
        await self._pool.open()
        async with self._pool.connection() as connection, connections_async.transaction(connection):
            yield connection

    @contextmanager
    def connect_in_thread(self) -> Iterator[Connection[Any]]:
        """Lend a connection as connect does, for the functions of a thread."""
        self._thread_pool.open()
        with self._thread_pool.connection() as connection, connections.transaction(connection):
            yield connection

    async def execute(
        self, function: StepFunction | None, item: WorkItem, context: Execution
    ) -> None:
        """Execute and complete a task in one transaction. A lost task sets context.is_lost."""
        if function is not None and not inspect.iscoroutinefunction(function):
            call = context.call = Call(self._execute_in_thread, function, item, context)
            await call.wait()
            return
        async with AsyncExitStack() as stack:
            with _beginning(context):
                connection = await stack.enter_async_context(self.connect())
            if function is None:
                with _losing(context):
                    await self._execute_in_sql(connection, item, context)
            else:
                context.connection = connection
                try:
                    output = await context.invoke(function)
                except CancelledError as error:
                    context.interrupted = error
                    raise
                with _losing(context):
                    await AsyncClient(connection).complete_task(
                        self.worker_id,
                        **task_key(item),
                        output=write_output(output, context),
                        tasks=context.added_goal_tasks or None,
                        logs=context.logged(),
                        traceparent=context.traceparent,
                    )
            context.is_committing = True

    def _execute_in_thread(
        self, function: StepFunction, item: WorkItem, context: Execution
    ) -> None:
        with ExitStack() as stack:
            with _beginning(context):
                connection = stack.enter_context(self.connect_in_thread())
            context.connection = connection
            output = context.invoke(function)
            context.check()  # a late step commits no effect
            with _losing(context):
                Client(connection).complete_task(
                    self.worker_id,
                    **task_key(item),
                    output=write_output(output, context),
                    tasks=context.added_goal_tasks or None,
                    logs=context.logged(),
                    traceparent=context.traceparent,
                )
            context.is_committing = True

    async def _execute_in_sql(
        self, connection: AsyncConnection[Any], item: WorkItem, context: Execution
    ) -> None:
        # In one statement, since Python need not be able to read the value of the function.
        # register_sql_function has quoted the name of the function.
        call = sql.SQL(
            "select stepgres.complete_task(worker_id => %(worker_id)s, run_id => %(run_id)s,"
            " step_slug => %(step_slug)s, task_index => %(task_index)s, claim => %(claim)s,"
            " output => {}(%(input)s::jsonb), traceparent => %(traceparent)s)"
        ).format(sql.SQL(cast("LiteralString", item.sql_function)))
        arguments = {
            **task_key(item),
            "worker_id": self.worker_id,
            "input": item.input,
            "traceparent": context.traceparent,
        }
        try:
            await connection.execute(call, arguments)
        except Error as error:
            known = from_postgres(error)
            if isinstance(known, LeaseLost):
                raise known from error
            raise


@contextmanager
def _losing(context: Execution) -> Iterator[None]:
    """Complete a task in the block, and give up the task if PostgreSQL raises LeaseLost."""
    try:
        yield
    except LeaseLost:
        context.lose()
        raise


@contextmanager
def _beginning(context: Execution) -> Iterator[None]:
    """Begin a step at the end of the block. Errors in the block are not errors of the step."""
    try:
        yield
    except Error as error:
        raise NotBegun(f"there is no connection for it: {error}") from error
    context.begin()
