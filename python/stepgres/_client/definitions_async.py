"""The part of the client that defines workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import scalar_row

from stepgres._postgres.adapters import ADAPTERS_OF_TEXT
from stepgres._postgres.arguments import (
    array,
    interval,
    json_argument,
    json_value,
    slug_argument,
)
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import DefinitionError, InvalidInput
from stepgres.types import (
    Flow,
    Recommendation,
    SimulatedEvent,
    Step,
    StepStatistics,
    WorkflowVersion,
)
from stepgres.workflow import Definition, describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepgres.workflow import WorkflowName


class AsyncDefinitions(AsyncCaller):
    """The functions for definitions of workflows."""

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
        when_unmet: str | None = None,
        when_exhausted: str | None = None,
        deadline: float | None = None,
        events: str | None = None,
        max_parallel: int | None = None,
        limits: Sequence[Mapping[str, Any]] | None = None,
        on_limit: str | None = None,
        keep: Mapping[str, float | str] | None = None,
        on_failure: WorkflowName | None = None,
    ) -> str:
        """Create a workflow without steps; return its id, the slug. Durations are in seconds."""
        return await self._scalar(
            str,
            "create_flow",
            name=name,
            max_attempts=max_attempts,
            base_delay=interval(base_delay),
            timeout=interval(timeout),
            execution=execution,
            queue=queue,
            priority=priority,
            resources=json_argument(resources, "resources"),
            when_unmet=when_unmet,
            when_exhausted=when_exhausted,
            deadline=interval(deadline),
            events=events,
            max_parallel=max_parallel,
            limits=json_argument(limits, "limits"),
            on_limit=on_limit,
            keep=json_argument(keep, "keep"),
            on_failure=slug_argument(on_failure),
        )

    async def add_step(
        self,
        workflow_id: WorkflowName,
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
        start_delay: float | None = None,
        condition: str | None = None,
        unless: str | None = None,
        when_unmet: str | None = None,
        when_exhausted: str | None = None,
        max_failed: int | str | None = None,
        sticky: bool | None = None,
        start_at: str | None = None,
        wait_for: str | None = None,
        match: str | None = None,
        key: str | None = None,
        when_timeout: str | None = None,
        default_output: Any = None,
        durable: bool | None = None,
        workflow: WorkflowName | None = None,
        version: int | None = None,
        approval: Mapping[str, Any] | None = None,
        limits: Sequence[Mapping[str, Any]] | None = None,
    ) -> Step:
        """Add a step to a workflow, after its dependencies. Durations are in seconds.

        A step with wait_for waits for the signal of this name: see `wait_for_signal`. A step with
        an approval waits for people: see `approval`. The body of a step with workflow is a run of
        this workflow: see `workflow_step`.
        """
        return await self._one(
            "add_step",
            row_of(Step),
            workflow_id=workflow_id,
            step_name=step_name,
            depends_on=array(depends_on),
            max_attempts=max_attempts,
            base_delay=interval(base_delay),
            timeout=interval(timeout),
            map=map,
            initial_tasks=initial_tasks,
            execution=execution,
            queue=queue,
            priority=priority,
            resources=json_argument(resources, "resources"),
            transactional=transactional,
            sql_function=sql_function,
            start_delay=interval(start_delay),
            condition=condition,
            unless=unless,
            when_unmet=when_unmet,
            when_exhausted=when_exhausted,
            max_failed=None if max_failed is None else str(max_failed),
            sticky=sticky,
            start_at=start_at,
            wait_for=wait_for,
            match=match,
            key=key,
            when_timeout=when_timeout,
            default_output=json_argument(default_output, "default_output"),
            durable=durable,
            workflow=slug_argument(workflow),
            version=version,
            approval=json_argument(approval, "approval"),
            limits=json_argument(limits, "limits"),
        )

    async def simulate(
        self,
        workflow_slug: WorkflowName,
        input: Any,
        *,
        outcomes: Mapping[str, Any] | None = None,
        signals: Sequence[Mapping[str, Any]] | None = None,
        until: float | None = None,
        version: int | None = None,
    ) -> Sequence[SimulatedEvent]:
        """Return what would happen in a run, with its timers, retries, waits and limits.

        Nothing is executed, and nothing is left. outcomes says what steps do, such as
        {"charge": [{"error": "busy"}, {"output": 7, "seconds": 2}]}; signals says what comes from
        outside, such as [{"after": 60, "signal": "paid"}] or [{"after": 60, "approve": "check"}].
        The simulation ends with the run, or after until seconds. A workflow class is registered
        first, by register_workflow. Raises DefinitionError, WorkflowNotFound and InvalidInput.
        """
        return await self._all(
            "simulate",
            row_of(SimulatedEvent),
            workflow_slug=slug_argument(workflow_slug),
            input=json_value(input, "input"),
            outcomes=json_argument(outcomes, "outcomes"),
            signals=json_argument(signals, "signals"),
            until=interval(until),
            version=version,
        )

    async def register_workflow(
        self,
        definition: WorkflowName | Definition | Mapping[str, Any],
        *,
        make_current: bool | None = None,
    ) -> int:
        """Register a workflow, or a definition as `describe` returns it; return its version.

        A new version is current. With make_current an older version becomes current again.
        """
        if hasattr(definition, "workflow_steps"):
            definition = describe(definition)
        if isinstance(definition, Definition):
            definition = definition.document
        try:
            return await self._scalar(
                int,
                "register_workflow",
                definition=json_value(definition, "definition"),
                make_current=make_current,
            )
        except InvalidInput as error:  # the definition is not even JSON
            raise DefinitionError(error.message, hint=error.hint, detail=error.detail) from error

    async def register_sql_function(self, sql_function: str) -> str:
        """Register a SQL function as the body of steps; return the name for steps to use."""
        return await self._scalar(str, "register_sql_function", sql_function=sql_function)

    async def get_flow(
        self, workflow_id: WorkflowName, *, version: int | None = None
    ) -> dict[str, Any]:
        """Return a workflow as one document, with its steps and their options."""
        return await self._scalar(dict, "get_flow", workflow_id=workflow_id, version=version)

    async def _get_flow_as_text(self, workflow_id: str, version: int) -> str:
        return await self._scalar(
            str, "get_flow", adapters=ADAPTERS_OF_TEXT, workflow_id=workflow_id, version=version
        )

    async def list_flows(
        self,
        *,
        goals: bool | None = None,
        search: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Flow]:
        """List workflows by slug; with goals also the workflows of task graphs.

        search finds a text in slugs. For the next page pass the last slug as after.
        """
        return await self._all(
            "list_flows", row_of(Flow), goals=goals, search=search, limit=limit, after=after
        )

    async def list_workflow_versions(
        self,
        workflow_slug: WorkflowName,
        limit: int | None = None,
        after: int | None = None,
        most: int | None = None,
    ) -> list[WorkflowVersion]:
        """List the versions of a workflow, the newest first.

        For the next page pass the last version as after. With most, only so many active runs are
        counted, the newest.
        """
        return await self._all(
            "list_workflow_versions",
            row_of(WorkflowVersion),
            workflow_slug=workflow_slug,
            limit=limit,
            after=after,
            most=most,
        )

    async def step_statistics(
        self, workflow_slug: WorkflowName, last_runs: int | None = None
    ) -> list[StepStatistics]:
        """Return the statistics of the steps in the last ended runs, by default 1,000 runs."""
        return await self._all(
            "step_statistics",
            row_of(StepStatistics),
            workflow_slug=workflow_slug,
            last_runs=last_runs,
        )

    async def recommend(
        self, workflow_slug: WorkflowName, level: str | None = None
    ) -> list[Recommendation]:
        """Return the changes that optimize_workflow would make, with reasons; change nothing."""
        return await self._all(
            "recommend", row_of(Recommendation), workflow_slug=workflow_slug, level=level
        )

    async def optimize_workflow(self, workflow_slug: WorkflowName, level: str | None = None) -> int:
        """Make a version with the recommended options current; return it. Runs keep their version.

        The level is "basic" (the default), "advanced" or "aggressive". The level "none" makes the
        version as it was defined current.
        """
        return await self._scalar(
            int, "optimize_workflow", workflow_slug=workflow_slug, level=level
        )

    async def delete_flow(self, workflow_id: WorkflowName, *, force: bool | None = None) -> None:
        """Delete a workflow with its versions and runs; WorkflowInUse if runs are active.

        With force active runs are cancelled first.
        """
        await self._all("delete_flow", scalar_row, workflow_id=workflow_id, force=force)
