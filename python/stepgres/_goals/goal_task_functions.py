"""Find the functions that execute the goal tasks of task graphs."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._execution.runner import StepCall
from stepgres._execution.shared_reads import SharedReads
from stepgres.errors import DecompositionError, DefinitionError, WorkflowNotFound
from stepgres.task_graph import walk

if TYPE_CHECKING:
    from stepgres._client.client_async import AsyncClient
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

    GoalTaskFunctions = Mapping[str, StepFunction] | StepFunction

_KEPT_VERSIONS = 100  # of workflows

_HINT = 'step_functions maps ids, paths or patterns to functions; "*" is for all others.'


class _GoalTasks(NamedTuple):
    """The goal tasks of a version of a workflow by step slug, each with its path."""

    by_step: dict[str, tuple[str, dict[str, Any]]]
    execution: str  # the default of the goal tasks


class GoalTaskFinder:
    """Finds the function of the goal task of a step, or None for a step of another workflow.

    With is_alone, this process executes all local goal tasks of the run. A goal task without a
    function is then an error, also if it is an added goal task. Without is_alone, the finder
    returns None for such a goal task, since another worker may have its function.
    """

    def __init__(
        self, client: AsyncClient, step_functions: GoalTaskFunctions, *, is_alone: bool = True
    ) -> None:
        self._client = client
        self._step_functions = step_functions
        self._is_alone = is_alone
        self._versions = SharedReads(self._read_version, _KEPT_VERSIONS)

    async def __call__(self, item: WorkItem) -> StepCall | None:
        goal_tasks = await self._find_goal_tasks(item)
        if item.step_slug not in goal_tasks.by_step:
            return None
        path, goal_task = goal_tasks.by_step[item.step_slug]
        find = _need_function if self._is_alone else _find_function
        function = find(path, self._step_functions)
        if function is None:
            return None
        group = path.rpartition("/")[0]

        def check(added: list[dict[str, Any]]) -> None:
            prefix = f"{group}/" if group else ""
            check_goal_task_functions(added, goal_tasks.execution, self._step_functions, prefix)

        shown = {"path": path, **goal_task}
        shown.pop("step_slug", None)
        return StepCall(function, shown, check if self._is_alone else None)

    async def _find_goal_tasks(self, item: WorkItem) -> _GoalTasks:
        slug, version = item.workflow_slug, item.workflow_version
        while True:
            try:
                return await self._versions((slug, version))
            except WorkflowNotFound:
                # A step has added goal tasks, and the run has moved to another version.
                run = await self._client.get_run(item.run_id)
                slug, version = run.workflow_slug, run.version

    async def _read_version(self, key: tuple[str, int]) -> _GoalTasks:
        workflow_slug, version = key
        flow = await self._client.get_flow(workflow_slug, version=version)
        by_step = {
            goal_task["step_slug"]: (path, goal_task) for path, goal_task in walk(flow["tasks"])
        }
        return _GoalTasks(by_step, flow["execution"])


def check_goal_task_functions(
    goal_tasks: Any, execution: str, step_functions: GoalTaskFunctions, prefix: str = ""
) -> None:
    """Raise DecompositionError if one of these goal tasks is local and has no function.

    step_functions maps paths, ids, or patterns such as "test_*" or "design/*", to functions. The
    pattern "*" matches all other goal tasks. A callable instead of the mapping executes all goal
    tasks. execution is the default of the goal tasks. prefix is the beginning of all paths.
    """
    for path, goal_task in walk(goal_tasks, prefix):
        options = goal_task.get("options") or {}
        if (
            options.get("execution", execution) == "local"
            and not goal_task.get("subtasks")
            and not options.keys() & {"sql_function", "approval", "wait_for", "workflow"}
        ):
            _need_function(path, step_functions)


def check_step_functions(step_functions: Any) -> None:
    """Raise DefinitionError if step_functions is invalid for any goal tasks."""
    if isinstance(step_functions, Mapping):
        for name, function in step_functions.items():
            if not callable(function):
                kind = type(function).__name__
                raise DefinitionError(
                    f'what step_functions has for "{name}" is no function, but of type {kind}',
                    hint=_HINT,
                )
    elif not callable(step_functions) or isinstance(step_functions, type):
        kind = "type" if isinstance(step_functions, type) else type(step_functions).__name__
        raise DefinitionError(
            f"step_functions must be a mapping or a function, and is of type {kind}", hint=_HINT
        )


def patterns_of(step_functions: GoalTaskFunctions | None) -> bool | list[str]:
    """Return the goal tasks that a worker knows for register_worker: True for all, or patterns."""
    if not isinstance(step_functions, Mapping):
        return step_functions is not None
    return "*" in step_functions or list(step_functions)


def _need_function(path: str, step_functions: GoalTaskFunctions) -> StepFunction:
    function = _find_function(path, step_functions)
    if function is None or not callable(function):
        raise DecompositionError(f'no function for goal task "{path}"', hint=_HINT)
    return function


def _find_function(path: str, step_functions: GoalTaskFunctions) -> StepFunction | None:
    if not isinstance(step_functions, Mapping):
        return step_functions
    name = path.rpartition("/")[2]
    function: StepFunction | None = step_functions.get(path) or step_functions.get(name)
    if function is None:
        patterns = (p for p in step_functions if fnmatchcase(path, p) or fnmatchcase(name, p))
        # any other pattern precedes "*"
        pattern = min(patterns, key=lambda p: p == "*", default=None)
        function = None if pattern is None else step_functions[pattern]
    return function
