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


def execute(client: stepgres.Client, tasks: list[dict[str, Any]], functions: Any) -> Any:
    """The output of a task graph that an executor with a workflow executes."""
    graph = stepgres.Orchestrator(client).decompose_goal("Ship", lambda goal: tasks)
    client.approve_task_graph(graph.id, graph.fingerprint)
    executor = stepgres.Executor(client, workflows=[Doubling])
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"approval": {"titel": "a"}}, 'unknown option "titel"'),
        ({"wait_for": "a", "key": "$.id"}, 'unknown option "key"'),
        ({"durable": "yes"}, "must be a JSON boolean"),
    ],
)
def test_wrong_options_are_refused(
    client: stepgres.Client, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(stepgres.DecompositionError, match=words):
        execute(client, [{"id": "a", "options": options}], {})
