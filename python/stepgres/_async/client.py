"""The client: one method per public SQL function, with the same name and arguments."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from stepgres._async.caller import AsyncCaller
from stepgres._async.waiting import wait_for_run
from stepgres._json import dumps_input
from stepgres.errors import DefinitionError, InvalidInput
from stepgres.types import FsckViolation, RunStatus, Step, WorkItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stepgres.types import RunResult


class AsyncClient(AsyncCaller):
    """Calls the functions of the schema stepgres.

    conninfo is a connection string (by default STEPGRES_DSN, then the PG* variables), for which the
    client opens a connection of its own when it first needs one, and a new one after that was lost;
    or an open psycopg connection, in whose transaction the client then works without ever
    committing it; or a psycopg_pool pool.

    Each method is one call of the SQL function of its name, whose comment says more; an argument
    that is None is left to the function's default. Errors of Stepgres are StepgresErrors, by their
    SQLSTATE; other errors of the database are psycopg's.
    """

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
        priority: int | None = None,
        resources: Mapping[str, Any] | None = None,
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
            priority=priority,
            resources=_json(resources),
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
        priority: int | None = None,
        resources: Mapping[str, Any] | None = None,
        transactional: bool | None = None,
        sql_function: str | None = None,
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
            priority=priority,
            resources=_json(resources),
            transactional=transactional,
            sql_function=sql_function,
        )

    async def register_workflow(self, definition: Mapping[str, Any]) -> int:
        """Register a definition, as `describe` returns it, and return its version."""
        try:
            return await self._scalar(
                int, "register_workflow", definition=Jsonb(definition, dumps_input)
            )
        except InvalidInput as error:  # it is not even JSON
            raise DefinitionError(error.message, hint=error.hint, detail=error.detail) from error

    async def register_sql_function(self, sql_function: str) -> str:
        """Allow steps to name a function as their body, and return the name that they use."""
        return await self._scalar(str, "register_sql_function", sql_function=sql_function)

    async def start_workflow_run(
        self,
        workflow_slug: str,
        input: Any,
        *,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
        version: int | None = None,
        executor_id: str | None = None,
        priority: int | None = None,
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
            priority=priority,
        )

    async def start_workflow_runs(
        self,
        workflow_slug: str,
        inputs: Sequence[Any],
        *,
        version: int | None = None,
        executor_id: str | None = None,
        priority: int | None = None,
    ) -> list[UUID]:
        """Start one run per input, all or none, and return their ids in the same order."""
        return await self._all(
            "start_workflow_runs",
            scalar_row,
            workflow_slug=workflow_slug,
            inputs=Jsonb(list(inputs), dumps_input),
            version=version,
            executor_id=executor_id,
            priority=priority,
        )

    async def register_worker(
        self,
        worker_id: str | None = None,
        *,
        queues: Sequence[str] | None = None,
        lease: float | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> str:
        """Register a worker and return its worker_id. The lease is in seconds."""
        return await self._scalar(
            str,
            "register_worker",
            worker_id=worker_id,
            queues=None if queues is None else list(queues),
            lease=_interval(lease),
            resources=_json(resources),
        )

    async def unregister_worker(self, worker_id: str) -> int:
        """End a worker: what it has claimed goes back at once; return the number of tasks."""
        return await self._scalar(int, "unregister_worker", worker_id=worker_id)

    async def keep_tasks(self, worker_id: str, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Give back all that a worker has claimed except these tasks; return their number."""
        return await self._scalar(int, "keep_tasks", worker_id=worker_id, tasks=_json(list(tasks)))

    async def heartbeat(
        self, worker_id: str, tasks: Sequence[Mapping[str, Any]] | None = None
    ) -> list[WorkItem]:
        """Say that a worker lives, and return those of its tasks that it is to give up."""
        return await self._all(
            "heartbeat",
            class_row(WorkItem),
            worker_id=worker_id,
            tasks=_json(tasks and list(tasks)),
        )

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
        is_waiting: bool | None = None,
    ) -> list[WorkItem]:
        """Apply results, a list or its JSON text, and claim up to capacity tasks."""
        return await self._all(
            "work",
            class_row(WorkItem),
            worker_id=worker_id,
            results=results if isinstance(results, str) else _json(results and list(results)),
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
            is_waiting=is_waiting,
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

    async def get_flow(self, workflow_id: str, *, version: int | None = None) -> dict[str, Any]:
        """A workflow as one document, with its steps and their options."""
        return await self._scalar(dict, "get_flow", workflow_id=workflow_id, version=version)

    async def get_run_input(self, run_id: UUID) -> Any:
        """The input that a run was started with."""
        (run_input,) = await self._all("get_run_input", scalar_row, run_id=run_id)
        return run_input

    async def get_run_status(self, run_id: UUID) -> RunStatus:
        """How a run is doing; RunNotFound if there is none."""
        return await self._one("get_run_status", class_row(RunStatus), run_id=run_id)

    async def wait_for_run(self, run_id: UUID, timeout: float | None = None) -> RunResult:
        """Wait until a run has ended, and return RunResult(output, run_id).

        Raises WorkflowFailed if it failed, WorkflowTimeout after so many seconds. Listens on a
        connection of its own, and so is told of the end.
        """
        return await wait_for_run(self, run_id, timeout)

    async def add_subscriber(
        self, run_id: UUID, *, subscriber_id: str | None = None, lease: float | None = None
    ) -> str:
        """Ask for a notification when a run ends. The lease is in seconds."""
        return await self._scalar(
            str,
            "add_subscriber",
            run_id=run_id,
            subscriber_id=subscriber_id,
            lease=_interval(lease),
        )

    async def remove_subscriber(self, run_id: UUID, subscriber_id: str) -> None:
        """End what add_subscriber began."""
        await self._all("remove_subscriber", scalar_row, run_id=run_id, subscriber_id=subscriber_id)

    async def fsck(self) -> list[FsckViolation]:
        """What violates the invariants of the engine."""
        return await self._all("fsck", class_row(FsckViolation))


def _interval(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps_input)
