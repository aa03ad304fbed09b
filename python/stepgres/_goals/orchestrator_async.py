"""Decompose goals into task graphs, approve the task graphs and execute their goal tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._execution.executor_async import AsyncExecutor
from stepgres._goals.decompose import expand_async
from stepgres._goals.goal_task_functions import check_goal_task_functions
from stepgres.errors import DecompositionError, TaskGraphNotApproved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepgres._client.client_async import AsyncClient
    from stepgres._goals.decompose import Answers, Decomposer
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.task_graph import TaskGraph
    from stepgres.types import RunResult
    from stepgres.workflow import WorkflowName


class AsyncOrchestrator:
    """Decomposes goals into task graphs, and executes the task graphs.

    A decomposer is called with a goal and returns its goal tasks as dicts, dataclasses or JSON
    text. A decomposer may be async. concurrency and workflows are those of Executor: name as
    workflows those whose runs are goal tasks, or are started by durable goal tasks.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        concurrency: int | None = None,
        workflows: Iterable[Any] = (),
    ) -> None:
        self._client = client
        self._concurrency = concurrency
        self._workflows = tuple(workflows)

    async def decompose_goal(
        self,
        goal: str,
        decomposer: Decomposer,
        *,
        max_depth: int = 5,
        max_tasks: int = 1000,
        workflow_slug: WorkflowName | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> TaskGraph:
        """Ask the decomposer for the goal tasks of a goal, and store them without executing them.

        The decomposer also gets the description of each goal task with "decompose": True, and
        returns its subtasks. Raises DecompositionError, unless the decomposer has a method
        `revise(error, answers)` that returns another decomposer to ask; see LLMDecomposer.
        workflow_slug and defaults are the arguments of save_task_graph.
        """
        while True:
            answers: Answers = {}
            try:
                goal_tasks = await expand_async(goal, decomposer, max_depth, max_tasks, answers)
                return await self._client.save_task_graph(
                    goal,
                    goal_tasks,
                    workflow_slug=workflow_slug,
                    defaults=defaults,
                    max_depth=max_depth,
                    max_tasks=max_tasks,
                )
            except DecompositionError as error:
                revise = getattr(decomposer, "revise", None)
                revised = None if revise is None else revise(error, answers)
                if revised is None:
                    raise
                decomposer = revised

    async def execute_goal(
        self,
        goal: str,
        decomposer: Decomposer,
        step_functions: GoalTaskFunctions,
        *,
        input: Mapping[str, Any] | None = None,
        timeout: float = 300,
        require_approval: bool = False,
        max_depth: int = 5,
        max_tasks: int = 1000,
        workflow_slug: WorkflowName | None = None,
        defaults: Mapping[str, Any] | None = None,
        optimization_level: str | None = None,
    ) -> RunResult:
        """Decompose a goal, execute its goal tasks in this process, and return RunResult.

        An optimization_level first optimizes the workflow from its history. Raises the errors of
        decompose_goal and Executor.execute_task_graph. With require_approval, execute_goal only
        stores the task graph, and raises TaskGraphNotApproved with the graph as `task_graph`. After
        the approval of the graph, Executor.execute_task_graph executes it, here or elsewhere.
        """
        graph = await self.decompose_goal(
            goal,
            decomposer,
            max_depth=max_depth,
            max_tasks=max_tasks,
            workflow_slug=workflow_slug,
            defaults=defaults,
        )
        executor = AsyncExecutor(
            self._client, concurrency=self._concurrency, workflows=self._workflows
        )
        # A missing function is an error before the start of the run.
        check_goal_task_functions(graph.tasks, graph.execution, step_functions)
        if require_approval:
            raise TaskGraphNotApproved(
                f'task graph "{graph.id}" waits for approval',
                hint="Review it, call approve_task_graph, then Executor.execute_task_graph.",
                task_graph=graph,
            )
        await self._client.approve_task_graph(graph.id, graph.fingerprint)
        return await executor.execute_task_graph(
            graph.id, step_functions, input, timeout=timeout, optimization_level=optimization_level
        )
