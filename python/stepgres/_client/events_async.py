"""The part of the client that tells what happens in runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import scalar_row

from stepgres._listening.event_listeners import AsyncEventListener
from stepgres._postgres.arguments import interval, slug_argument
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import InvalidInput
from stepgres.types import NewEvent, RunEvent

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from stepgres.workflow import WorkflowName


class AsyncEvents(AsyncCaller):
    """What happens in runs."""

    def subscribe(
        self, run_id: UUID | None = None, *, workflow_slug: WorkflowName | None = None
    ) -> AsyncEventListener:
        """The events of a run, live: what has happened so far, then what happens until it ends.

        Without run_id those of all runs, or of those of a workflow, which is a slug or a workflow
        class: of the runs that are active now, then of every run, until it is closed; and also what
        becomes of goals before there is a run, which has no run_id. All that a client listens to
        shares one connection. Raises RunNotFound, or ConnectionFailed if it cannot begin now.
        """
        if run_id is not None and workflow_slug is not None:
            raise InvalidInput(
                "subscribe takes a run_id or a workflow_slug, not both",
                hint="A run has one workflow: leave out the workflow_slug.",
            )
        return AsyncEventListener(self._notifications, run_id, slug_argument(workflow_slug))

    async def catch_up_events(
        self,
        run_id: UUID | None = None,
        workflow_slug: WorkflowName | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[NewEvent]:
        """The events behind a position: of a run, of the runs of a workflow, or of all.

        What `subscribe` does: see add_subscriber, which comes first. The last row has no event_type
        if there are no more events so far.
        """
        return await self._all(
            "catch_up_events",
            row_of(NewEvent),
            run_id=run_id,
            workflow_slug=slug_argument(workflow_slug),
            after=after,
            limit=limit,
        )

    async def list_run_events(self, run_id: UUID, since: datetime | None = None) -> list[RunEvent]:
        """What happened in a run, in order; with since only from then on. Raises RunNotFound."""
        return await self._all("list_run_events", row_of(RunEvent), run_id=run_id, since=since)

    async def list_goal_events(
        self,
        task_graph_id: str | None = None,
        workflow_slug: WorkflowName | None = None,
        happened_within: float | None = None,
    ) -> list[RunEvent]:
        """When a task graph was decomposed, approved and rejected; TaskGraphNotFound.

        Without one when all were, or those of a workflow; within the last so many seconds, or ever.
        """
        return await self._all(
            "list_goal_events",
            row_of(RunEvent),
            task_graph_id=task_graph_id,
            workflow_slug=workflow_slug,
            happened_within=interval(happened_within),
        )

    async def list_active_runs(
        self, workflow_slug: WorkflowName | None = None, started_within: float | None = None
    ) -> list[UUID]:
        """The runs that have not ended, and those that were started within so many seconds."""
        return await self._all(
            "list_active_runs",
            scalar_row,
            workflow_slug=workflow_slug,
            started_within=interval(started_within),
        )
