"""Executes runs in this process: starts a run, executes its local steps, returns its output."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio.from_thread import start_blocking_portal

from stepgres._async.client import AsyncClient
from stepgres._heartbeat import Heartbeat
from stepgres._local_run import LocalRun
from stepgres.errors import InvalidInput, WorkflowFailed, WorkflowTimeout
from stepgres.types import RunResult
from stepgres.workflow import describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from stepgres._sync.client import Client

_LEASE = 15.0  # seconds; a process that has died is found after that


class AsyncExecutor:
    """Executes workflows in this process, up to `concurrency` steps of a run at the same time.

    `async def` steps run on the event loop, others in threads. By default concurrency is the number
    of processors plus 4, at most 32.
    """

    def __init__(self, client: AsyncClient, *, concurrency: int | None = None) -> None:
        self._client = client
        self._concurrency = concurrency or min(32, (os.cpu_count() or 1) + 4)

    async def execute(
        self,
        workflow: Any,
        input: Any,
        *,
        timeout: float = 300,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Execute a workflow, as `describe` takes it, and return RunResult(output, run_id).

        Local steps run here, distributed ones where there are workers for their queues. Raises
        WorkflowFailed when the run fails; WorkflowTimeout after so many seconds, and then the run
        goes on: its local steps are given to the workers of its queues; DefinitionError and
        InvalidInput before anything is started.
        """
        definition = describe(workflow)
        version = await self._client.register_workflow(definition.document)
        async with self._register() as worker_id:
            run_id = await self._client.start_workflow_run(
                definition.document["workflow_slug"],
                input,
                run_id=run_id,
                idempotency_key=idempotency_key,
                version=version,
                executor_id=worker_id,
            )
            run = LocalRun(
                self._client, worker_id, run_id, input, definition.functions, self._concurrency
            )
            with anyio.move_on_after(timeout) as scope:
                status = await run.finish()
        if scope.cancelled_caught:
            raise WorkflowTimeout(run_id)
        if status.status == "failed":
            raise WorkflowFailed(run_id, status.failed_step, status.details)
        return RunResult(status.details, run_id)

    @asynccontextmanager
    async def _register(self) -> AsyncIterator[str]:
        """Be a worker for a while, one that takes nothing from queues."""
        worker_id = await self._client.register_worker(queues=[], lease=_LEASE)
        with Heartbeat(_conninfo(self._client), worker_id, _LEASE / 3):
            try:
                yield worker_id
            finally:
                with anyio.CancelScope(shield=True):
                    await self._client.unregister_worker(worker_id)


class Executor:
    """Executes workflows in this process; see AsyncExecutor, which runs in a thread for it."""

    def __init__(self, client: Client, *, concurrency: int | None = None) -> None:
        self._conninfo = _conninfo(client)
        self._concurrency = concurrency

    def execute(
        self,
        workflow: Any,
        input: Any,
        *,
        timeout: float = 300,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Execute a workflow and return RunResult(output, run_id); see AsyncExecutor.execute."""

        async def execute() -> RunResult:
            async with AsyncClient(self._conninfo) as client:
                return await AsyncExecutor(client, concurrency=self._concurrency).execute(
                    workflow, input, timeout=timeout, run_id=run_id, idempotency_key=idempotency_key
                )

        with start_blocking_portal() as portal:
            result: RunResult = portal.call(execute)
        return result


def _conninfo(client: Client | AsyncClient) -> str:
    if client.conninfo is None:
        raise InvalidInput(
            "an executor needs connections of its own, and this client cannot open any",
            hint="Make the client with a connection string, or with a pool that was made with one.",
        )
    return client.conninfo
