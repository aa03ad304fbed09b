"""Steps that add goal tasks to their run from Python: an agent that plans as it goes."""

from __future__ import annotations

from typing import Any

import pytest

import stepgres
from stepgres.errors import WorkflowFailed


@pytest.fixture
def orchestrator(client: stepgres.Client) -> stepgres.Orchestrator:
    return stepgres.Orchestrator(client)


def execute(orchestrator: stepgres.Orchestrator, tasks: Any, functions: Any) -> Any:
    defaults = {"base_delay": 0}
    return orchestrator.execute_goal("x", lambda goal: tasks, functions, defaults=defaults).output


def test_agent_adds_tasks_until_it_is_done(orchestrator: stepgres.Orchestrator) -> None:
    executed = []

    def work(input: Any, context: Any) -> Any:
        executed.append(context.task["path"])
        number = int(context.task["id"].removeprefix("round_"))
        if number < 4:
            context.add_tasks([{"id": f"round_{number + 1}", "description": "the next"}])
        return number

    async def report(input: Any) -> Any:
        return sorted(input)

    tasks = [
        {"id": "think", "subtasks": [{"id": "round_1"}]},
        {"id": "report", "depends_on": ["think"]},
    ]
    output = execute(orchestrator, tasks, {"think/*": work, "report": report})
    assert executed == [f"think/round_{number}" for number in (1, 2, 3, 4)]
    assert output == ["goal", "round_1", "round_2", "round_3", "round_4", "think"]


def test_retried_attempt_does_not_add_twice(orchestrator: stepgres.Orchestrator) -> None:
    def plan(input: Any, context: Any) -> None:
        context.add_tasks([{"id": f"attempt_{context.attempt}"}])
        if context.attempt == 1:
            raise stepgres.RetryAfter(0)

    def work(input: Any, context: Any) -> Any:
        return context.task["id"]

    assert execute(orchestrator, [{"id": "a"}], {"a": plan, "*": work}) == "attempt_2"


def test_transactional_step_adds_tasks_with_what_it_writes(
    orchestrator: stepgres.Orchestrator,
) -> None:
    def plan(input: Any, context: Any) -> None:
        context.add_tasks([{"id": "b"}])

    tasks = [{"id": "a", "options": {"transactional": True}}]
    assert execute(orchestrator, tasks, {"a": plan, "b": lambda given: "b"}) == "b"


def test_many_tasks_at_once_add_others(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    def work(input: Any, context: Any) -> None:
        if len(context.task["id"]) < 3:
            context.add_tasks([{"id": context.task["id"] + letter} for letter in "xy"])

    execute(orchestrator, [{"id": letter} for letter in "abcdefgh"], work)
    (run,) = client.list_workflow_runs()
    assert len(client.get_run(run.run_id).steps) == 8 * (1 + 2 + 4)


def test_retry_of_a_goal_executes_what_is_left_with_its_functions(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    executed = []

    def plan(input: Any, context: Any) -> None:
        executed.append(context.task["path"])
        context.add_tasks([{"id": "added"}])

    def fail(input: Any) -> None:
        raise stepgres.NonRetryable("no luck")

    tasks = [{"id": "g", "subtasks": [{"id": "a"}]}]
    with pytest.raises(WorkflowFailed, match="no luck") as raised:
        execute(orchestrator, tasks, {"g/a": plan, "add*": fail})
    functions = {"g/a": plan, "add*": lambda given: "done"}
    result = stepgres.Executor(client).retry(functions, raised.value.run_id)
    assert result.output == {"a": None, "added": "done"}
    assert executed == ["g/a"]


@pytest.mark.parametrize("is_transactional", [False, True])
@pytest.mark.parametrize(
    ("added", "message"),
    [
        ([{"id": "b", "depends_on": ["zork"]}], 'depends on "zork", which is not a goal task'),
        ([{"id": "c"}], 'no function for goal task "c"'),
        ("no json", "text that is not JSON"),
    ],
)
def test_tasks_that_break_a_rule_fail_the_attempt(
    orchestrator: stepgres.Orchestrator, added: Any, message: str, is_transactional: bool
) -> None:
    def plan(input: Any, context: Any) -> None:
        context.add_tasks(added)

    options = {"max_attempts": 1, "transactional": is_transactional}
    with pytest.raises(WorkflowFailed, match=message):
        execute(
            orchestrator, [{"id": "a", "options": options}], {"a": plan, "b": lambda given: None}
        )


def test_step_of_another_workflow_cannot_add_tasks(client: stepgres.Client) -> None:
    class Order(stepgres.Workflow):
        max_attempts = 1

        @staticmethod
        @stepgres.step()
        def a(input: Any, context: Any) -> None:
            context.add_tasks([{"id": "b"}])

    with pytest.raises(WorkflowFailed, match="is not a run of a task graph"):
        stepgres.Executor(client).execute(Order, {})
