"""Finds the functions that execute the tasks of a task graph."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from stepgres.errors import DecompositionError
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepgres.task_graph import TaskGraph
    from stepgres.workflow import StepFunction

    TaskFunctions = Mapping[str, StepFunction] | StepFunction


def functions_by_step(graph: TaskGraph, step_functions: TaskFunctions) -> dict[str, StepFunction]:
    """The function of each local step; DecompositionError if a task has none.

    step_functions maps paths, ids, or patterns of these such as "test_*" or "design/*"; "*" is for
    all others. A callable in its place is for all tasks.
    """
    tasks = dict(graph.walk())
    local = [step for step in graph.steps if _is_executed_here(graph, step)]
    return {
        step["step_slug"]: _bound(
            _function_for(graph, step["path"], step_functions), step["path"], tasks[step["path"]]
        )
        for step in local
    }


def _is_executed_here(graph: TaskGraph, step: dict[str, Any]) -> bool:
    execution = step.get("execution") or graph.defaults.get("execution", "local")
    return execution == "local" and "gathers" not in step and "sql_function" not in step


def _function_for(graph: TaskGraph, path: str, step_functions: TaskFunctions) -> StepFunction:
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
            f'task graph "{graph.id}": no function for task "{path}"',
            hint='step_functions maps ids, paths or patterns to functions; "*" is for all others.',
        )
    return function


def _bound(function: StepFunction, path: str, task: dict[str, Any]) -> StepFunction:
    """A function whose context also has the task: one function may execute many."""
    if not takes_context(function):
        return function
    shown = {"path": path, **task}
    wrapped: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def wrapped(input: Any, context: Any) -> Any:
            context.task = dict(shown)
            return await function(input, context)

    else:

        def wrapped(input: Any, context: Any) -> Any:
            context.task = dict(shown)
            return function(input, context)

    return wrapped
