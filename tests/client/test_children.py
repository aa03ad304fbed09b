"""Child runs in Python: classes, clients, executors, and what they return."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

import stepgres
from stepgres import Client, Executor, Workflow, step, workflow_step
from stepgres.errors import RunNotFound, WorkflowFailed, WorkflowTimeout
from stepgres.workflow import describe, describe_family
from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.workers import running_worker
from tests.support.workflows import workflow


class Ship(Workflow):
    @staticmethod
    @step
    def pack(input: Any) -> Any:
        return {"packed": input}

    @staticmethod
    @step(depends_on=[pack], max_attempts=1)
    async def send(input: Any, context: Any) -> Any:
        if context.run_input == "bad":
            raise ValueError("no luck")
        return [context.run_input, input["packed"]]


class Order(Workflow):
    @staticmethod
    @step
    def load(input: Any) -> Any:
        return input["items"]

    ship = workflow_step(Ship, depends_on=[load], map=True)

    @staticmethod
    @step(depends_on=[ship])
    def bill(input: Any) -> Any:
        return input["ship"]


class Countdown(Workflow):
    @staticmethod
    @step
    def count(input: Any) -> Any:
        return {"left": input["left"] - 1}

    again = workflow_step("countdown", depends_on=[count], condition="$.left > 0")


def test_document_names_the_workflow() -> None:
    definition = describe(Order)
    assert definition.document["steps"][1] == {
        "step_slug": "ship",
        "depends_on": ["load"],
        "map": True,
        "workflow": "ship",
    }
    assert definition.children == (Ship,)
    assert list(describe_family(Order)) == ["order", "ship"]
    assert list(describe_family(Countdown)) == ["countdown"]


def test_step_of_workflow_steps_may_be_a_child(client: Client) -> None:
    parent = workflow(("a", workflow_step(Ship, version=1)), ("b", lambda given: given))
    document = describe(parent).document
    assert document["steps"][0]["workflow"] == "ship"
    assert document["steps"][1]["depends_on"] == ["a"]
    client.register_workflow(Ship)
    client.register_workflow(parent)


def test_mermaid_shows_the_workflow_of_a_step(client: Client) -> None:
    assert 'n2[["ship<br/>workflow: ship"]]' in stepgres.to_mermaid(Order)
    client.register_workflow(Ship)
    client.register_workflow(Order)
    run_id = client.start_workflow_run(Order, {"items": [1]})
    run = client.get_run(run_id)
    assert [found.workflow for found in run.steps] == [None, "ship", None]
    assert '[["ship<br/>workflow: ship"]]' in run.to_mermaid()


def test_worker_executes_parents_and_children(client: Client, db: Database) -> None:
    with running_worker(db.dsn, Ship, Order):
        run_id = client.start_workflow_run(Order, {"items": [1, 2]})
        result = client.wait_for_run(run_id, timeout=30)
    assert result.output == [[1, 1], [2, 2]]
    root, *nodes = client.get_run_tree(run_id)
    assert (root.run_id, root.level, root.parent_run_id) == (run_id, 0, None)
    assert [(n.level, n.step_slug, n.task_index, n.status) for n in nodes] == [
        (1, "ship", 0, "completed"),
        (1, "ship", 1, "completed"),
    ]


def test_tree_of_an_unknown_run_is_an_error(client: Client) -> None:
    with pytest.raises(RunNotFound):
        client.get_run_tree(uuid4())


# Executors


def test_executor_registers_and_executes_children(executor: Executor, client: Client) -> None:
    output, run_id = executor.execute(Order, {"items": [1, 2, 3]}, timeout=60)
    assert output == [[1, 1], [2, 2], [3, 3]]
    assert {flow.workflow_slug for flow in client.list_flows()} == {"order", "ship"}
    assert len(client.get_run_tree(run_id)) == 4


def test_executor_executes_a_workflow_that_starts_itself(
    executor: Executor, client: Client
) -> None:
    _, run_id = executor.execute(Countdown, {"left": 3}, timeout=60)
    assert [node.level for node in client.get_run_tree(run_id)] == [0, 1, 2]


def test_failure_of_a_child_fails_the_execution(executor: Executor) -> None:
    with pytest.raises(WorkflowFailed, match="no luck") as raised:
        executor.execute(Order, {"items": ["good", "bad"]}, timeout=60)
    assert raised.value.step_slug == "ship"


def test_retry_executes_the_failed_child_from_where_it_failed(
    executor: Executor, client: Client
) -> None:
    calls: list[str] = []
    is_bad = [True]

    def pack(input: Any) -> Any:
        calls.append("pack")
        return input

    def send(input: Any) -> Any:
        calls.append("send")
        if is_bad[0]:
            raise stepgres.NonRetryable("no luck")
        return "sent"

    child = workflow(("pack", pack), ("send", send), slug="child")
    parent = workflow(("call", workflow_step(child)), slug="parent")
    with pytest.raises(WorkflowFailed) as raised:
        executor.execute(parent, 1, timeout=60)
    is_bad[0] = False
    assert executor.retry(parent, raised.value.run_id, timeout=60).output == "sent"
    assert calls == ["pack", "send", "send"]


def test_child_that_is_known_by_its_slug_alone_has_no_functions(
    executor: Executor, client: Client
) -> None:
    client.register_workflow(Ship)
    parent = workflow(("call", workflow_step("ship")), slug="parent")
    with pytest.raises(WorkflowFailed, match='no function for step "pack" of "ship"'):
        executor.execute(parent, 1, timeout=60)


def test_run_that_only_waits_for_children_holds_no_thread_and_is_handed_over(
    client: Client, executor: Executor, db: Database
) -> None:
    far = workflow(("a", lambda given: given, {"execution": "distributed"}), slug="far")
    parent = workflow(("call", workflow_step(far)), slug="parent")
    before = threading.active_count()
    with pytest.raises(WorkflowTimeout) as raised:
        executor.execute(parent, 5, timeout=1.5)
    assert threading.active_count() <= before + 1  # that of the executor itself
    with running_worker(db.dsn, far, parent):
        assert client.wait_for_run(raised.value.run_id, timeout=30).output == 5


def test_children_of_a_run_that_is_handed_over_go_to_workers(
    client: Client, executor: Executor, db: Database
) -> None:
    gate = threading.Event()

    def hold(input: Any) -> Any:
        gate.wait(20)
        return "held"

    child = workflow(("hold", hold, {"max_attempts": 5}), ("after", lambda _: "x"), slug="child")
    parent = workflow(("call", workflow_step(child)), slug="parent")
    with pytest.raises(WorkflowTimeout) as raised:
        executor.execute(parent, 5, timeout=1)
    gate.set()
    with db.connect() as connection:
        engine = Engine(connection)
        assert engine.rows("select executor_id from stepgres.runs") == [None, None]
    with running_worker(db.dsn, child, parent):
        assert client.wait_for_run(raised.value.run_id, timeout=30).output == "x"
