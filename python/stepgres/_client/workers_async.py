"""The part of the client that workers use to claim, complete and fail tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from psycopg.rows import scalar_row

from stepgres._postgres.arguments import interval, json_argument, json_value
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres._version import __version__
from stepgres.types import Checkpoint, CheckpointAnswer, QueueInfo, WorkerInfo, WorkItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


class AsyncWorkers(AsyncCaller):
    """The functions for workers."""

    async def register_worker(
        self,
        worker_id: str | None = None,
        *,
        queues: Sequence[str] | None = None,
        lease: float | None = None,
        resources: Mapping[str, Any] | None = None,
        knows: Mapping[str, Any] | None = None,
        features: Sequence[str] | None = None,
        client_version: str = __version__,
        slots: int | None = None,
    ) -> str:
        """Register a worker and return its worker_id. The lease is in seconds.

        knows is the code of the worker, {"workflows": {slug: version}, "goals": True or patterns}.
        The worker gets only tasks of this code; without knows the worker gets all tasks. slots is
        the number of tasks that it executes at a time, for metrics. Raises DefinitionError if knows
        is malformed, and VersionMismatch if the schema does not serve workers of client_version.
        """
        return await self._scalar(
            str,
            "register_worker",
            worker_id=worker_id,
            queues=None if queues is None else list(queues),
            lease=interval(lease),
            resources=json_argument(resources, "resources"),
            knows=json_argument(knows, "knows"),
            features=None if features is None else list(features),
            client_version=client_version,
            slots=slots,
        )

    async def unregister_worker(self, worker_id: str) -> int:
        """Unregister a worker, give back its claimed tasks at once, and return their number."""
        return await self._scalar(int, "unregister_worker", worker_id=worker_id)

    async def wakeup_name(self, queue: str) -> str:
        """Return the name on which PostgreSQL notifies the waiting workers of a queue."""
        return await self._scalar(str, "wakeup_name", queue=queue)

    async def list_workers(self, most: int | None = None) -> list[WorkerInfo]:
        """List the registered workers, the oldest first.

        With most, only tasks of so many active runs count, the newest.
        """
        return await self._all("list_workers", row_of(WorkerInfo), most=most)

    async def list_queues(
        self,
        most: int | None = None,
        limit: int | None = None,
        after: str | None = None,
        queue: str | None = None,
    ) -> list[QueueInfo]:
        """List the queues by name, or one queue, with their ready tasks and live workers.

        With most, at most so many tasks of each part of a queue are counted. To page, pass a limit,
        and the last queue as after. Raises InvalidFilter.
        """
        return await self._all(
            "list_queues", row_of(QueueInfo), most=most, limit=limit, after=after, queue=queue
        )

    async def pause_queue(self, queue: str) -> bool:
        """Let workers claim no tasks from a queue; return False if it was paused before.

        Tasks that are claimed already go on. Raises DefinitionError if it is not the name of a
        queue.
        """
        return await self._scalar(bool, "pause_queue", queue=queue)

    async def resume_queue(self, queue: str) -> bool:
        """End the pause of a queue, and wake its workers; return False if it is not paused."""
        return await self._scalar(bool, "resume_queue", queue=queue)

    async def keep_tasks(self, worker_id: str, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Give back all claimed tasks of a worker except these tasks; return the number."""
        return await self._scalar(
            int,
            "keep_tasks",
            worker_id=worker_id,
            tasks=json_argument(tasks and list(tasks), "tasks"),
        )

    async def fail_oversized_tasks(
        self, worker_id: str, capacity: int | None = None, run_ids: Sequence[UUID] | None = None
    ) -> int:
        """Fail the steps whose inputs are more than PostgreSQL can hold; return their number.

        A worker calls it after its claim has failed with psycopg.errors.ProgramLimitExceeded.
        """
        return await self._scalar(
            int,
            "fail_oversized_tasks",
            worker_id=worker_id,
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
        )

    async def heartbeat(
        self, worker_id: str, tasks: Sequence[Mapping[str, Any]] | None = None
    ) -> list[WorkItem]:
        """Extend the lease of a worker; return the tasks that the worker has lost."""
        return await self._all(
            "heartbeat",
            row_of(WorkItem),
            worker_id=worker_id,
            tasks=json_argument(tasks and list(tasks), "tasks"),
        )

    async def save_checkpoints(
        self,
        worker_id: str,
        checkpoints: Sequence[Mapping[str, Any]] | str | None = None,
        waits: Sequence[Mapping[str, Any]] | str | None = None,
    ) -> list[CheckpointAnswer]:
        """Save what the bodies of durable steps have done, and open their waits.

        Both arguments are lists, or their JSON text. Returns what is known about each of the waits,
        and the tasks that the worker has lost. Raises TooManyCheckpoints and PayloadTooLarge.
        """
        return await self._all(
            "save_checkpoints",
            row_of(CheckpointAnswer),
            worker_id=worker_id,
            checkpoints=_json_list(checkpoints, "checkpoints"),
            waits=_json_list(waits, "waits"),
        )

    async def list_checkpoints(
        self, run_id: UUID, step_slug: str, task_index: int | None = None, after: int | None = None
    ) -> list[Checkpoint]:
        """List what the body of a durable step has done, about 4 MB of it, after a place.

        Raises RunNotFound, and InvalidInput if the run has no such step.
        """
        return await self._all(
            "list_checkpoints",
            row_of(Checkpoint),
            run_id=run_id,
            step_slug=step_slug,
            task_index=task_index,
            after=after,
        )

    async def claim_tasks(
        self, worker_id: str, capacity: int | None = None, run_ids: Sequence[UUID] | None = None
    ) -> list[WorkItem]:
        """Claim at most capacity tasks for a worker."""
        return await self._all(
            "claim_tasks",
            row_of(WorkItem),
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
        tasks: Any = None,
        claim: int | None = None,
        logs: Any = None,
        traceparent: str | None = None,
    ) -> None:
        """Complete a task that the worker has claimed; claim is the number of this claim.

        tasks are added to the run, as with context.add_tasks. logs are the lines of the attempt, as
        work takes them: a list, or its JSON text. traceparent is the span of the attempt. Raises
        DecompositionError.
        """
        await self._all(
            "complete_task",
            scalar_row,
            worker_id=worker_id,
            run_id=run_id,
            step_slug=step_slug,
            output=json_value(output, "output"),
            task_index=task_index,
            attempt=attempt,
            claim=claim,
            tasks=json_argument(tasks, "tasks"),
            logs=_json_list(logs, "logs"),
            traceparent=traceparent,
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
        error_type: str | None = None,
        traceback: str | None = None,
        claim: int | None = None,
        logs: Any = None,
    ) -> None:
        """End an attempt as failed; retry_after, in seconds, replaces the back-off.

        claim is the number of the claim of the task. error_type is the name of the exception. The
        attempt keeps error_type and traceback. logs are the lines of the attempt, as work takes
        them: a list, or its JSON text.
        """
        await self._all(
            "fail_task",
            scalar_row,
            worker_id=worker_id,
            run_id=run_id,
            step_slug=step_slug,
            error=error,
            task_index=task_index,
            attempt=attempt,
            claim=claim,
            retryable=retryable,
            retry_after=interval(retry_after),
            error_type=error_type,
            traceback=traceback,
            logs=_json_list(logs, "logs"),
        )

    async def work(
        self,
        worker_id: str,
        results: Sequence[Mapping[str, Any]] | str | None = None,
        capacity: int | None = None,
        run_ids: Sequence[UUID] | None = None,
        is_waiting: bool | None = None,
        begins: int | None = None,
    ) -> list[WorkItem]:
        """Apply results, a list or its JSON text, and claim at most capacity tasks.

        begins is the number of claimed tasks that the worker begins at once, by default all.
        """
        return await self._all(
            "work",
            row_of(WorkItem),
            worker_id=worker_id,
            results=_json_list(results, "results"),
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
            is_waiting=is_waiting,
            begins=begins,
        )

    async def tick(self) -> int:
        """Fire due timers, take over from dead workers; return the number of tasks moved."""
        return await self._scalar(
            int,
            "tick",
        )

    async def next_due(self) -> datetime | None:
        """Return the time of the next work for `tick`, by the clock of the server."""
        (due,) = await self._all("next_due", scalar_row)
        return cast("datetime | None", due)


def _json_list(value: Sequence[Mapping[str, Any]] | str | None, name: str) -> Any:
    """Convert a list of objects; a string is the JSON text of such a list."""
    return value if isinstance(value, str) else json_argument(value and list(value), name)
