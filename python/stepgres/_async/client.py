"""The client: one method per public SQL function, with the same name and arguments."""

from __future__ import annotations

from asyncio import Lock
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from stepgres._conninfo import resolve_conninfo
from stepgres._json import dumps_input
from stepgres.errors import ConnectionFailed, from_postgres
from stepgres.types import FsckViolation, RunStatus, Step, WorkItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from psycopg.rows import AsyncRowFactory
    from psycopg_pool import AsyncConnectionPool
    from typing_extensions import Self

T = TypeVar("T")


class AsyncClient:
    """Calls the functions of the schema stepgres.

    conninfo is a connection string (by default STEPGRES_DSN, then the PG* variables), for which the
    client opens a connection of its own when it first needs one, and a new one after that was lost;
    or an open psycopg connection, in whose transaction the client then works without ever
    committing it; or a psycopg_pool pool.

    Each method is one call of the SQL function of its name, whose comment says more; an argument
    that is None is left to the function's default. Errors of Stepgres are StepgresErrors, by their
    SQLSTATE; other errors of the database are psycopg's.
    """

    def __init__(
        self, conninfo: str | AsyncConnection[Any] | AsyncConnectionPool[Any] | None = None
    ) -> None:
        self._source = (
            resolve_conninfo(conninfo)
            if conninfo is None or isinstance(conninfo, str)
            else conninfo
        )
        self._own: AsyncConnection[Any] | None = None
        self._lock = Lock()

    @property
    def conninfo(self) -> str | None:
        """The string that new connections are made with, if the client has one."""
        if isinstance(self._source, AsyncConnection):
            return None
        conninfo = self._source if isinstance(self._source, str) else self._source.conninfo
        return conninfo if isinstance(conninfo, str) else None

    async def aclose(self) -> None:
        """Close the connection that the client opened; those of the caller stay open."""
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

    async def version(self) -> str:
        """The version of the installed schema."""
        return await self._scalar(
            str,
            "version",
        )

    async def create_flow(
        self,
        name: str,
        *,
        max_attempts: int | None = None,
        base_delay: float | None = None,
        timeout: float | None = None,
        execution: str | None = None,
        queue: str | None = None,
    ) -> str:
        """Create a workflow without steps and return its id, the slug. Durations in seconds."""
        return await self._scalar(
            str,
            "create_flow",
            name=name,
            max_attempts=max_attempts,
            base_delay=_interval(base_delay),
            timeout=_interval(timeout),
            execution=execution,
            queue=queue,
        )

    async def add_step(
        self,
        workflow_id: str,
        step_name: str,
        depends_on: Sequence[str] = (),
        *,
        max_attempts: int | None = None,
        base_delay: float | None = None,
        timeout: float | None = None,
        map: bool | None = None,
        initial_tasks: int | None = None,
        execution: str | None = None,
        queue: str | None = None,
    ) -> Step:
        """Add a step to a workflow. Durations in seconds."""
        return await self._one(
            "add_step",
            class_row(Step),
            workflow_id=workflow_id,
            step_name=step_name,
            depends_on=list(depends_on),
            max_attempts=max_attempts,
            base_delay=_interval(base_delay),
            timeout=_interval(timeout),
            map=map,
            initial_tasks=initial_tasks,
            execution=execution,
            queue=queue,
        )

    async def register_workflow(self, definition: Mapping[str, Any]) -> int:
        """Register a definition, as `describe` returns it, and return its version."""
        return await self._scalar(
            int, "register_workflow", definition=Jsonb(definition, dumps_input)
        )

    async def start_workflow_run(
        self,
        workflow_slug: str,
        input: Any,
        *,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
        version: int | None = None,
        executor_id: str | None = None,
    ) -> UUID:
        """Start a run and return its id; with an idempotency_key that was used, the first run's."""
        return await self._scalar(
            UUID,
            "start_workflow_run",
            workflow_slug=workflow_slug,
            input=Jsonb(input, dumps_input),
            run_id=run_id,
            idempotency_key=idempotency_key,
            version=version,
            executor_id=executor_id,
        )

    async def start_workflow_runs(
        self,
        workflow_slug: str,
        inputs: Sequence[Any],
        *,
        version: int | None = None,
        executor_id: str | None = None,
    ) -> list[UUID]:
        """Start one run per input, all or none, and return their ids in the same order."""
        return await self._all(
            "start_workflow_runs",
            scalar_row,
            workflow_slug=workflow_slug,
            inputs=Jsonb(list(inputs), dumps_input),
            version=version,
            executor_id=executor_id,
        )

    async def register_worker(
        self,
        worker_id: str | None = None,
        *,
        queues: Sequence[str] | None = None,
        lease: float | None = None,
    ) -> str:
        """Register a worker and return its worker_id. The lease is in seconds."""
        return await self._scalar(
            str,
            "register_worker",
            worker_id=worker_id,
            queues=None if queues is None else list(queues),
            lease=_interval(lease),
        )

    async def unregister_worker(self, worker_id: str) -> None:
        """End a worker: what it has claimed goes back at once."""
        await self._all("unregister_worker", scalar_row, worker_id=worker_id)

    async def heartbeat(self, worker_id: str) -> None:
        """Say that a worker lives."""
        await self._all("heartbeat", scalar_row, worker_id=worker_id)

    async def claim_tasks(
        self, worker_id: str, capacity: int | None = None, run_ids: Sequence[UUID] | None = None
    ) -> list[WorkItem]:
        """Claim up to capacity tasks."""
        return await self._all(
            "claim_tasks",
            class_row(WorkItem),
            worker_id=worker_id,
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
        )

    async def complete_task(
        self,
        worker_id: str,
        run_id: UUID,
        step_slug: str,
        output: Any,
        *,
        task_index: int | None = None,
        attempt: int | None = None,
    ) -> None:
        """Complete a task that the worker has claimed."""
        await self._all(
            "complete_task",
            scalar_row,
            worker_id=worker_id,
            run_id=run_id,
            step_slug=step_slug,
            output=Jsonb(output, dumps_input),
            task_index=task_index,
            attempt=attempt,
        )

    async def fail_task(
        self,
        worker_id: str,
        run_id: UUID,
        step_slug: str,
        error: str,
        *,
        task_index: int | None = None,
        attempt: int | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        """End an attempt as failed; retry_after, in seconds, takes the place of the back-off."""
        await self._all(
            "fail_task",
            scalar_row,
            worker_id=worker_id,
            run_id=run_id,
            step_slug=step_slug,
            error=error,
            task_index=task_index,
            attempt=attempt,
            retryable=retryable,
            retry_after=_interval(retry_after),
        )

    async def work(
        self,
        worker_id: str,
        results: Sequence[Mapping[str, Any]] | str | None = None,
        capacity: int | None = None,
        run_ids: Sequence[UUID] | None = None,
    ) -> list[WorkItem]:
        """Apply results, a list or its JSON text, and claim up to capacity tasks."""
        return await self._all(
            "work",
            class_row(WorkItem),
            worker_id=worker_id,
            results=results
            if results is None or isinstance(results, str)
            else Jsonb(list(results), dumps_input),
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
        )

    async def tick(self) -> int:
        """Advance whatever is due and return the number of tasks moved."""
        return await self._scalar(
            int,
            "tick",
        )

    async def next_due(self) -> datetime | None:
        """When `tick` will next have something to do, by the clock of the server."""
        (due,) = await self._all("next_due", scalar_row)
        return cast("datetime | None", due)

    async def get_run_status(self, run_id: UUID) -> RunStatus:
        """How a run is doing; RunNotFound if there is none."""
        return await self._one("get_run_status", class_row(RunStatus), run_id=run_id)

    async def fsck(self) -> list[FsckViolation]:
        """What violates the invariants of the engine."""
        return await self._all("fsck", class_row(FsckViolation))

    async def _scalar(self, type: type[T], function: str, **arguments: Any) -> T:
        (value,) = await self._all(function, scalar_row, **arguments)
        return cast("T", value)

    async def _one(self, function: str, row_factory: AsyncRowFactory[T], **arguments: Any) -> T:
        (row,) = await self._all(function, row_factory, **arguments)
        return row

    async def _all(
        self, function: str, row_factory: AsyncRowFactory[T], **arguments: Any
    ) -> list[T]:
        given = {name: value for name, value in arguments.items() if value is not None}
        call = f"stepgres.{function}({', '.join(f'{name} => %({name})s' for name in given)})"
        try:
            async with (
                self._connection() as connection,
                connection.cursor(row_factory=row_factory) as cursor,
            ):
                await cursor.execute(f"select * from {call}".encode(), given)
                return await cursor.fetchall()
        except Error as error:
            known = from_postgres(error)
            raise known from (None if known is error else error)

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
                try:
                    self._own = await AsyncConnection.connect(conninfo, autocommit=True)
                except OperationalError as error:
                    raise ConnectionFailed(
                        f"cannot connect to PostgreSQL: {error}",
                        hint="Check the connection string, STEPGRES_DSN or the PG* variables.",
                    ) from error
            return self._own


def _interval(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
