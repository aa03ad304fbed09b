"""Compose goals into workflows in one call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stepgres._execution.executor_async import AsyncExecutor
from stepgres._goals.orchestrator_async import AsyncOrchestrator
from stepgres._goals.side_by_side import side_by_side_async
from stepgres.errors import GoalsFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stepgres._client.client_async import AsyncClient
    from stepgres._goals.decompose import Decomposer
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.task_graph import TaskGraph
    from stepgres.types import CompositionStats, RunResult


class AsyncWorkflowComposer:
    """Decomposes goals and executes their goal tasks, in one call.

    workflows are those of Executor: workflows whose runs are goal tasks, or are started by durable
    goal tasks.
    """

    def __init__(self, client: AsyncClient, *, workflows: Iterable[Any] = ()) -> None:
        self._client = client
        self._workflows = tuple(workflows)

    async def compose_from_goal(
        self,
        goal: str,
        decomposer: Decomposer,
        step_functions: GoalTaskFunctions,
        *,
        input: Mapping[str, Any] | None = None,
        timeout: float = 300,
        workflow_name: str | None = None,
        max_parallel: int | None = None,
        retry_attempts: int | None = None,
        optimization_level: str | None = None,
        monitoring: bool = False,
        max_depth: int = 5,
        max_tasks: int = 1000,
    ) -> RunResult:
        """Decompose a goal and execute its goal tasks, as Orchestrator.execute_goal does.

        workflow_name is the slug of the workflow. Goals of one name are versions of this workflow.
        Up to max_parallel tasks are executed at a time, each up to retry_attempts times. An
        optimization_level, which is "basic", "advanced" or "aggressive", first optimizes the
        workflow from the earlier goals of its name: see optimize_workflow. With monitoring, the
        channel workflow_events gets the events of each task.
        """
        defaults: dict[str, Any] = {"events": "task"} if monitoring else {}
        if retry_attempts is not None:
            defaults["max_attempts"] = retry_attempts
        orchestrator = AsyncOrchestrator(
            self._client, concurrency=max_parallel, workflows=self._workflows
        )
        return await orchestrator.execute_goal(
            goal,
            decomposer,
            step_functions,
            input=input,
            timeout=timeout,
            max_depth=max_depth,
            max_tasks=max_tasks,
            workflow_slug=workflow_name,
            defaults=defaults,
            optimization_level=optimization_level,
        )

    async def compose_from_task_graph(
        self,
        task_graph: TaskGraph | str,
        step_functions: GoalTaskFunctions,
        *,
        input: Mapping[str, Any] | None = None,
        timeout: float = 300,
        max_parallel: int | None = None,
        optimization_level: str | None = None,
    ) -> RunResult:
        """Execute a task graph, given by itself or its id. Raises TaskGraphNotApproved."""
        task_graph_id = task_graph if isinstance(task_graph, str) else task_graph.id
        executor = AsyncExecutor(self._client, concurrency=max_parallel, workflows=self._workflows)
        return await executor.execute_task_graph(
            task_graph_id,
            step_functions,
            input,
            timeout=timeout,
            optimization_level=optimization_level,
        )

    async def compose_multiple_workflows(
        self,
        goals: Sequence[str],
        decomposer: Decomposer,
        step_functions: GoalTaskFunctions,
        *,
        parallel: bool = True,
        **options: Any,
    ) -> dict[str, RunResult]:
        """Execute several goals side by side, and return their results by goal.

        The options are the options of compose_from_goal. The call waits for the end of all goals.
        The call then raises GoalsFailed if goals failed, with their errors and the other results.
        """
        goals = list(dict.fromkeys(goals))
        calls = [
            partial(self.compose_from_goal, goal, decomposer, step_functions, **options)
            for goal in goals
        ]
        outcomes = dict(zip(goals, await side_by_side_async(calls, parallel=parallel), strict=True))
        failures = {goal: o for goal, o in outcomes.items() if isinstance(o, Exception)}
        results = {goal: o for goal, o in outcomes.items() if not isinstance(o, Exception)}
        if failures:
            raise GoalsFailed(results, failures)
        return results

    async def get_composition_stats(self, workflow_name: str | None = None) -> CompositionStats:
        """Count the goals, and their runs by status, of all workflows or of one workflow."""
        return await self._client.get_composition_stats(workflow_name)
