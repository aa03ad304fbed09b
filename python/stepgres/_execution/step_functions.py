"""Find the functions that execute the local steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from stepgres._execution.runner import StepCall
from stepgres._goals.goal_task_functions import GoalTaskFinder, check_goal_task_functions
from stepgres.errors import DefinitionError, NonRetryable
from stepgres.workflow import Definition, describe_family

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stepgres._client.client_async import AsyncClient
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.types import WorkItem

    Find = Callable[[WorkItem], Awaitable[StepCall | None]]
    # The client of a worker reads what the search needs.
    Finder = Callable[[AsyncClient], Find]


def steps_finder(family: Mapping[str, Definition]) -> Finder:
    """Return a finder of the functions of workflows by slug, as describe_family returns them."""

    async def find(item: WorkItem) -> StepCall:
        definition = family.get(item.workflow_slug)
        functions = {} if definition is None else definition.functions
        missing = partial(_miss_function, f'step "{item.step_slug}" of "{item.workflow_slug}"')
        return StepCall(functions.get(item.step_slug, missing))

    return lambda _: find


def _miss_function(name: str, _: Any) -> None:
    """Be the function of a step of a child run that was given by its slug alone."""
    raise NonRetryable(
        f"the executor has no function for {name}: pass its class to workflow_step, or to"
        " Executor(client, workflows=[...])"
    )


def goal_tasks_finder(
    goal_tasks: Any,
    execution: str,
    step_functions: GoalTaskFunctions,
    others: Mapping[str, Definition],
) -> Finder:
    """Return a finder for the goal tasks of a task graph. execution is their default.

    The others are the workflows of child runs. Raises DecompositionError if a goal task has no
    function.
    """
    check_goal_task_functions(goal_tasks, execution, step_functions)
    find_in_others = steps_finder(others)

    def finder(client: AsyncClient) -> Find:
        find_goal_task, find_step = GoalTaskFinder(client, step_functions), find_in_others(client)

        async def find(item: WorkItem) -> StepCall | None:
            return await find_goal_task(item) or await find_step(item)

        return find

    return finder


def flow_finder(flow: Mapping[str, Any], workflow: Any, others: Mapping[str, Definition]) -> Finder:
    """Return a finder for the steps of get_flow, in a workflow or in functions by step slug.

    The others are the workflows of child runs. Raises DefinitionError or DecompositionError if a
    local step has no function.
    """
    if flow["tasks"] is not None:
        return goal_tasks_finder(flow["tasks"], flow["execution"], workflow, others)
    family = _family_for(flow["workflow_slug"], workflow)
    functions = family[flow["workflow_slug"]].functions
    local = [
        step["step_slug"]
        for step in flow["steps"]
        if step["execution"] == "local"
        and step["sql_function"] is None
        and step["gathers"] is None
        and step.get("wait_for") is None
        and step.get("workflow") is None
    ]
    missing = [slug for slug in local if slug not in functions]
    if missing:
        raise DefinitionError(
            f'workflow "{flow["workflow_slug"]}": no function for step "{missing[0]}"',
            hint="Pass a callable for each local step: " + ", ".join(local),
        )
    return steps_finder({**others, **family})


def _family_for(workflow_slug: str, workflow: Any) -> Mapping[str, Definition]:
    """Return the functions of a mapping, or of a workflow, which must have this slug."""
    if isinstance(workflow, Mapping):
        return {workflow_slug: Definition({}, workflow)}
    family = describe_family(workflow)
    slug = next(iter(family))
    if slug != workflow_slug:
        raise DefinitionError(
            f'the run is one of workflow "{workflow_slug}", not of "{slug}"',
            hint="Pass the workflow that the run was started with.",
        )
    return family
