"""Finds the functions that execute the tasks of a task graph."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from stepgres.errors import DecompositionError, WorkflowNotFound
from stepgres.task_graph import walk
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from stepgres._async.client import AsyncClient
    from stepgres.task_graph import TaskGraph
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

    TaskFunctions = Mapping[str, StepFunction] | StepFunction


class TaskFinder:
    """Finds the function of a task, also of one that was added after the run began."""

    def __init__(
        self,
        client: AsyncClient,
        functions: dict[str, StepFunction],
        step_functions: TaskFunctions,
    ) -> None:
        self._client = client
        self._functions = functions
        self._step_functions = step_functions

    async def __call__(self, item: WorkItem) -> StepFunction:
        if item.step_slug not in self._functions:
            flow = await self._find_flow(item.run_id)
            self._functions.update(functions_by_flow(flow, self._step_functions))
        return self._functions[item.step_slug]

    async def _find_flow(self, run_id: UUID) -> dict[str, Any]:
        while True:
            run = await self._client.get_run(run_id)
            try:
                return await self._client.get_flow(run.workflow_slug, version=run.version)
            except WorkflowNotFound:
                pass  # meanwhile another task was added, which ended that version


def functions_by_step(graph: TaskGraph, step_functions: TaskFunctions) -> dict[str, StepFunction]:
    """The function of each local step; DecompositionError if a task has none.

    step_functions maps paths, ids, or patterns of these such as "test_*" or "design/*"; "*" is for
    all others. A callable in its place is for all tasks.
    """
    slugs = {step["path"]: step["step_slug"] for step in graph.steps}
    default = graph.defaults.get("execution", "local")
    return {
        slugs[path]: _bound(path, task, step_functions, default)
        for path, task in graph.walk()
        if _is_executed_here(task, default)
    }


def functions_by_flow(
    flow: Mapping[str, Any], step_functions: TaskFunctions
) -> dict[str, StepFunction]:
    """What functions_by_step returns, for a version of the workflow with tasks that were added."""
    default = flow["execution"]
    return {
        task["step_slug"]: _bound(path, task, step_functions, default)
        for path, task in walk(flow["tasks"])
        if _is_executed_here(task, default)
    }


def _is_executed_here(task: Mapping[str, Any], default: str) -> bool:
    options = task.get("options") or {}
    return (
        options.get("execution", default) == "local"
        and not task.get("subtasks")
        and "sql_function" not in options
    )


def _function_for(path: str, step_functions: TaskFunctions) -> StepFunction:
    function: StepFunction | None
    if not isinstance(step_functions, Mapping):
        function = step_functions
    else:
        name = path.rpartition("/")[2]
        function = step_functions.get(path) or step_functions.get(name)
        patterns = (p for p in step_functions if fnmatchcase(path, p) or fnmatchcase(name, p))
        if function is None:
            # of "*" and another pattern that one which says more
            pattern = min(patterns, key=lambda p: p == "*", default=None)
            function = None if pattern is None else step_functions[pattern]
    if function is None or not callable(function):
        raise DecompositionError(
            f'no function for task "{path}"',
            hint='step_functions maps ids, paths or patterns to functions; "*" is for all others.',
        )
    return function


def _bound(
    path: str, task: dict[str, Any], step_functions: TaskFunctions, default: str
) -> StepFunction:
    """The function of a task. Its context has the task, since one function may execute many."""
    function = _function_for(path, step_functions)
    if not takes_context(function):
        return function
    shown = {"path": path, **task}
    shown.pop("step_slug", None)
    group = path.rpartition("/")[0]

    def check(tasks: list[dict[str, Any]]) -> None:
        for added_path, added in walk(tasks, f"{group}/" if group else ""):
            if _is_executed_here(added, default):
                _function_for(added_path, step_functions)

    def prepare(context: Any) -> None:
        context.task = dict(shown)
        context.check_tasks = check

    wrapped: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def wrapped(input: Any, context: Any) -> Any:
            prepare(context)
            return await function(input, context)

    else:

        def wrapped(input: Any, context: Any) -> Any:
            prepare(context)
            return function(input, context)

    return wrapped
