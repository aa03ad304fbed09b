"""Find the functions that execute the local steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepgres._execution.runner import StepCall
from stepgres._goals.goal_task_functions import GoalTaskFinder, check_goal_task_functions
from stepgres.errors import DefinitionError
from stepgres.workflow import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stepgres._client.client_async import AsyncClient
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

    Find = Callable[[WorkItem], Awaitable[StepCall | None]]
    # The client of a worker reads what the search needs.
    Finder = Callable[[AsyncClient], Find]


def steps_finder(functions: Mapping[str, StepFunction]) -> Finder:
    """Return a finder of functions by step slug."""

    async def find(item: WorkItem) -> StepCall:
        return StepCall(functions[item.step_slug])

    return lambda _: find


def goal_tasks_finder(goal_tasks: Any, execution: str, step_functions: GoalTaskFunctions) -> Finder:
    """Return a finder for the goal tasks of a task graph. execution is their default.

    Raises DecompositionError if a goal task has no function.
    """
    check_goal_task_functions(goal_tasks, execution, step_functions)
    return lambda client: GoalTaskFinder(client, step_functions)


def flow_finder(flow: Mapping[str, Any], workflow: Any) -> Finder:
    """Return a finder for the steps of get_flow, in a workflow or in functions by step slug.

    Raises DefinitionError or DecompositionError if a local step has no function.
    """
    if flow["tasks"] is not None:
        return goal_tasks_finder(flow["tasks"], flow["execution"], workflow)
    functions = _functions_for(flow["workflow_slug"], workflow)
    local = [
        step["step_slug"]
        for step in flow["steps"]
        if step["execution"] == "local" and step["sql_function"] is None and step["gathers"] is None
    ]
    missing = [slug for slug in local if slug not in functions]
    if missing:
        raise DefinitionError(
            f'workflow "{flow["workflow_slug"]}": no function for step "{missing[0]}"',
            hint="Pass a callable for each local step: " + ", ".join(local),
        )
    return steps_finder(functions)


def _functions_for(workflow_slug: str, workflow: Any) -> Mapping[str, StepFunction]:
    """Return the functions of a mapping, or of a workflow, which must have this slug."""
    if isinstance(workflow, Mapping):
        return workflow
    definition = describe(workflow)
    slug = definition.document["workflow_slug"]
    if slug != workflow_slug:
        raise DefinitionError(
            f'the run is one of workflow "{workflow_slug}", not of "{slug}"',
            hint="Pass the workflow that the run was started with.",
        )
    return definition.functions
