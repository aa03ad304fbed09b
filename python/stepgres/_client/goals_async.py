"""The part of the client that stores, approves and starts task graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import scalar_row

from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import array, json_argument, json_value, slug_argument
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import DecompositionError, InvalidInput
from stepgres.task_graph import TaskGraph
from stepgres.types import CompositionStats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepgres.workflow import WorkflowName


class AsyncGoals(AsyncCaller):
    """The functions for goals and task graphs."""

    async def save_task_graph(
        self,
        goal: str,
        tasks: Sequence[Mapping[str, Any]],
        *,
        task_graph_id: str | None = None,
        workflow_slug: WorkflowName | None = None,
        defaults: Mapping[str, Any] | None = None,
        max_depth: int | None = None,
        max_tasks: int | None = None,
    ) -> TaskGraph:
        """Check and store goal tasks as a task graph. Raises DecompositionError.

        With a task_graph_id the goal tasks replace the goal tasks of that task graph.
        """
        workflow_slug = slug_argument(workflow_slug)
        try:
            return await self._one(
                "save_task_graph",
                row_of(TaskGraph),
                goal=goal,
                tasks=json_value(tasks, "tasks"),
                task_graph_id=task_graph_id,
                workflow_slug=workflow_slug,
                defaults=json_argument(defaults, "defaults"),
                max_depth=max_depth,
                max_tasks=max_tasks,
            )
        except InvalidInput as error:  # the goal tasks are not even JSON
            raise DecompositionError(error.message, hint=error.hint, detail=error.detail) from error

    async def get_task_graph(self, task_graph_id: str) -> TaskGraph:
        """Return a task graph. Raises TaskGraphNotFound."""
        return await self._one(
            "get_task_graph",
            row_of(TaskGraph),
            adapters=TOLERANT_ADAPTERS,
            task_graph_id=task_graph_id,
        )

    async def list_task_graphs(
        self,
        status: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        after: str | None = None,
    ) -> list[TaskGraph]:
        """List task graphs, the newest first: by default 100 of any status.

        For the next page pass the last task_graph_id as after. Raises TaskGraphNotFound.
        """
        return await self._all(
            "list_task_graphs",
            row_of(TaskGraph),
            adapters=TOLERANT_ADAPTERS,
            status=status,
            limit=limit,
            offset=offset,
            after=after,
        )

    async def approve_task_graph(
        self, task_graph_id: str, fingerprint: str | None = None
    ) -> TaskGraph:
        """Approve a task graph, so that it can be started, if it still has this fingerprint.

        Raises IllegalTransition if the task graph has another fingerprint, or was rejected.
        """
        return await self._one(
            "approve_task_graph",
            row_of(TaskGraph),
            task_graph_id=task_graph_id,
            fingerprint=fingerprint,
        )

    async def reject_task_graph(self, task_graph_id: str, reason: str) -> TaskGraph:
        """Reject a task graph: it cannot be started unless its goal tasks are changed."""
        return await self._one(
            "reject_task_graph",
            row_of(TaskGraph),
            task_graph_id=task_graph_id,
            reason=reason,
        )

    async def delete_task_graph(self, task_graph_id: str) -> None:
        """Delete a task graph; its workflow and runs stay."""
        await self._all("delete_task_graph", scalar_row, task_graph_id=task_graph_id)

    async def start_task_graph(
        self,
        task_graph_id: str,
        input: Any = None,
        *,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
        executor_id: str | None = None,
        tags: Sequence[str] | None = None,
        parent_run_id: UUID | None = None,
        optimization_level: str | None = None,
        traceparent: str | None = None,
    ) -> UUID:
        """Start a run of an approved task graph and return its id. Raises TaskGraphNotApproved.

        The first goal tasks get {"goal": the goal} merged with the input, a dict. With an
        optimization_level the workflow is optimized first: see optimize_workflow.
        """
        with self._starting(task_graph_id, traceparent) as start:
            started = await self._scalar(
                UUID,
                "start_task_graph",
                task_graph_id=task_graph_id,
                input=json_argument(input, "input"),
                run_id=run_id,
                idempotency_key=idempotency_key,
                executor_id=executor_id,
                tags=array(tags),
                parent_run_id=parent_run_id,
                optimization_level=optimization_level,
                traceparent=start.traceparent,
            )
            start.run_ids = [started]
        return started

    async def get_composition_stats(
        self, workflow_slug: WorkflowName | None = None
    ) -> CompositionStats:
        """Count the task graphs and their runs by status, of all workflows or of one workflow."""
        return await self._one(
            "get_composition_stats", row_of(CompositionStats), workflow_slug=workflow_slug
        )
