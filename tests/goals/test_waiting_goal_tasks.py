"""Goal tasks that wait: for people, for signals, and in the middle of their functions."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

import stepgres
from stepgres import StepContext, Workflow, step
from tests.conftest import Database
from tests.support.waiting import join, wait_until

APPROVAL = {"title": "Ship it?", "assignees": ["ann"]}


class Doubling(Workflow):
    @staticmethod
    @step
    def work(input: Any) -> Any:
        return 2 * input


class Tripling(Workflow):
    @staticmethod
    @step
    def work(input: Any) -> Any:
        return 3 * input["number"]


def execute(client: stepgres.Client, tasks: list[dict[str, Any]], functions: Any) -> Any:
    """The output of a task graph that an executor with a workflow executes."""
    graph = stepgres.Orchestrator(client).decompose_goal("Ship", lambda goal: tasks)
    client.approve_task_graph(graph.id, graph.fingerprint)
    executor = stepgres.Executor(client, workflows=[Doubling, Tripling])
    return executor.execute_task_graph(graph.id, functions).output


def executing(db: Database, results: list[Any], *arguments: Any) -> Thread:
    def run() -> None:
        with stepgres.Client(db.dsn) as client:
            results.append(execute(client, *arguments))

    thread = Thread(target=run)
    thread.start()
    return thread


def test_goal_tasks_wait_for_people_and_signals(db: Database, client: stepgres.Client) -> None:
    tasks = [
        {"id": "ok", "options": {"approval": APPROVAL}},
        {"id": "paid", "options": {"wait_for": "paid", "match": "$ > 5"}},
        {"id": "ship", "depends_on": ["ok", "paid"]},
    ]
    results: list[Any] = []
    thread = executing(
        db, results, tasks, {"ship": lambda given: [given["ok"]["approved"], given["paid"]]}
    )
    (asked,) = wait_until(lambda: client.list_approvals("ann"))
    client.approve(asked.wait_id, decided_by="ann")
    client.send_signal(asked.run_id, "paid", 7)
    join(thread)
    assert results == [[True, 7]]


def test_durable_goal_task_adds_goal_tasks_once(db: Database, client: stepgres.Client) -> None:
    def plan(input: Any, context: StepContext) -> Any:
        context.add_tasks([{"id": "more"}, {"id": "ok", "options": {"approval": APPROVAL}}])
        context.sleep(0.01)
        return context.run_workflow(Doubling, context.wait_for_signal("number"))

    results: list[Any] = []
    functions = {"plan": plan, "more": lambda given: given["plan"]}
    thread = executing(db, results, [{"id": "plan", "options": {"durable": True}}], functions)
    (wait,) = wait_until(lambda: client.list_waits(kind="signal"))
    assert wait.run_id is not None
    client.send_signal(wait.run_id, "number", 4)
    (asked,) = wait_until(lambda: client.list_approvals("ann"))
    client.approve(asked.wait_id, decided_by="ann")
    join(thread)
    assert results[0]["more"] == 8
    assert results[0]["ok"]["approved"]


def test_goal_task_is_a_run_of_a_workflow(db: Database, client: stepgres.Client) -> None:
    client.register_workflow(Tripling)
    tasks: list[dict[str, Any]] = [
        {"id": "number"},
        {"id": "current", "depends_on": ["number"], "options": {"workflow": "tripling"}},
        {
            "id": "pinned",
            "depends_on": ["number"],
            "options": {"workflow": "tripling", "version": 1},
        },
    ]
    assert execute(client, tasks, {"number": lambda given: 3}) == {"current": 9, "pinned": 9}


def execute_by_orchestrator(
    client: stepgres.Client, tasks: list[dict[str, Any]], functions: Any
) -> Any:
    orchestrator = stepgres.Orchestrator(client, workflows=[Tripling])
    return orchestrator.execute_goal("Triple", lambda goal: tasks, functions).output


def execute_by_composer(
    client: stepgres.Client, tasks: list[dict[str, Any]], functions: Any
) -> Any:
    composer = stepgres.WorkflowComposer(client, workflows=[Tripling])
    found = composer.compose_multiple_workflows(["Triple"], lambda goal: tasks, functions)
    graph = client.get_task_graph(client.list_task_graphs()[0].id)
    again = composer.compose_from_task_graph(graph, functions).output
    assert found["Triple"].output == again
    return again


@pytest.mark.parametrize("execute_them", [execute_by_orchestrator, execute_by_composer])
def test_goal_tasks_start_workflows_that_the_caller_executes(
    client: stepgres.Client, execute_them: Any
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        context.add_tasks([{"id": "added", "options": {"workflow": "tripling"}}])
        return context.run_workflow("tripling", {"number": 5})

    tasks = [{"id": "number", "options": {"durable": True}}]
    assert execute_them(client, tasks, {"number": body}) == 45


def test_goal_task_finds_its_signal_by_the_key_in_its_input(
    db: Database, client: stepgres.Client
) -> None:
    tasks: list[dict[str, Any]] = [
        {"id": "order"},
        {
            "id": "paid",
            "depends_on": ["order"],
            "options": {"wait_for": "paid", "key": "$.order.id"},
        },
    ]
    client.send_signal_by_key("paid", "7", "early")
    assert execute(client, tasks, {"order": lambda given: {"id": 7}}) == "early"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"approval": {"titel": "a"}}, 'unknown option "titel"'),
        ({"wait_for": "a", "key": "$$"}, "key"),
        ({"key": "$.id"}, "key is for steps with wait_for"),
        ({"workflow": "a b"}, "is not the slug of a workflow"),
        ({"workflow": "a", "timeout": 5}, "a step with a workflow has no timeout"),
        ({"workflow": 7}, "must be a JSON string"),
        ({"version": 1}, "version is for steps with a workflow"),
        ({"map": True}, 'unknown option "map"'),
        ({"durable": "yes"}, "must be a JSON boolean"),
    ],
)
def test_wrong_options_are_refused(
    client: stepgres.Client, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(stepgres.DecompositionError, match=words):
        execute(client, [{"id": "a", "options": options}], {})
