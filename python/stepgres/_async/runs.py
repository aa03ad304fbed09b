"""The part of the client that starts runs, looks at them, and changes their course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from stepgres._arguments import interval
from stepgres._async.caller import AsyncCaller
from stepgres._async.waiting import wait_for_run
from stepgres._json import dumps_input
from stepgres.types import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepgres.types import RunResult


class AsyncRuns(AsyncCaller):
    """What is run."""

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
            lease=interval(lease),
        )

    async def remove_subscriber(self, run_id: UUID, subscriber_id: str) -> None:
        """End what add_subscriber began."""
        await self._all("remove_subscriber", scalar_row, run_id=run_id, subscriber_id=subscriber_id)
