"""The part of the client that subscribes to events of runs, and lists events and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import scalar_row

from stepgres._listening.event_listeners import AsyncEventListener
from stepgres._postgres.arguments import interval, slug_argument
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import InvalidInput
from stepgres.types import LogLine, NewEvent, RunEvent

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from stepgres.workflow import WorkflowName


class AsyncEvents(AsyncCaller):
    """The functions for events of runs and goals, and for logs."""

    def subscribe(
        self, run_id: UUID | None = None, *, workflow_slug: WorkflowName | None = None
    ) -> AsyncEventListener:
        """Subscribe to the events of a run, live: past events first, then events until it ends.

        Without run_id the events are of all runs, or of the runs of one workflow. workflow_slug is
        a slug or a workflow class. The subscription begins with the runs that are active now, and
        covers every run until it is closed. It includes the events of goals without a run; these
        events have no run_id. All listeners of a client share one connection. Raises RunNotFound,
        or ConnectionFailed if the subscription cannot begin now.
        """
        if run_id is not None and workflow_slug is not None:
            raise InvalidInput(
                "subscribe takes a run_id or a workflow_slug, not both",
                hint="A run has one workflow: leave out the workflow_slug.",
            )
        return AsyncEventListener(self._notifications, run_id, slug_argument(workflow_slug))

    async def list_logs(
        self,
        run_id: UUID,
        step_slug: str | None = None,
        task_index: int | None = None,
        *,
        level: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[LogLine]:
        """List what the steps of a run have logged, by step, task and attempt.

        Workers with `logs="info"` or "warning" send these lines with the results of attempts. level
        is the least: "debug", "info", "warning", "error" or "critical". A call returns about limit
        lines, by default 1,000, since it divides no attempt; after is the position of the last line
        of the call before. With newest, the attempts that ended last come first; newest has no
        after. Raises RunNotFound, and InvalidInput for an unknown step or level.
        """
        return await self._all(
            "list_logs",
            row_of(LogLine),
            run_id=run_id,
            step_slug=step_slug,
            task_index=task_index,
            level=level,
            after=after,
            limit=limit,
            newest=newest,
        )

    async def catch_up_events(
        self,
        run_id: UUID | None = None,
        workflow_slug: WorkflowName | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[NewEvent]:
        """Return events behind a position: of a run, of the runs of a workflow, or of all runs.

        `subscribe` calls this function. Call add_subscriber before. The last row has no event_type
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
        """List the events of a run in order; since is the first time listed. Raises RunNotFound."""
        return await self._all("list_run_events", row_of(RunEvent), run_id=run_id, since=since)

    async def list_goal_events(
        self,
        task_graph_id: str | None = None,
        workflow_slug: WorkflowName | None = None,
        happened_within: float | None = None,
    ) -> list[RunEvent]:
        """List when a task graph was decomposed, approved and rejected. Raises TaskGraphNotFound.

        Without a task_graph_id list the events of all task graphs, or of the task graphs of a
        workflow. happened_within, in seconds, limits the events to this time before now.
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
        """List the runs that have not ended, or that started within started_within seconds."""
        return await self._all(
            "list_active_runs",
            scalar_row,
            workflow_slug=workflow_slug,
            started_within=interval(started_within),
        )
