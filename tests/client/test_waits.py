"""Signals and waits in Python: classes, clients, and what they return."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

import stepgres
from stepgres import Client, Workflow, step, wait_for_signal
from stepgres.errors import (
    DefinitionError,
    InvalidFilter,
    InvalidInput,
    PayloadTooLarge,
    RunAlreadyFinished,
    RunNotFound,
    TooManySignals,
)
from tests.conftest import Database
from tests.support.workers import running_worker


class Order(Workflow):
    @staticmethod
    @step
    def ask(input: Any) -> Any:
        return {"asked": input["id"]}

    approved = wait_for_signal(
        "approved", depends_on=[ask], match="$.order == $input.id", timeout=86400
    )
    paid = wait_for_signal("paid", depends_on=["approved"], key="$.id")

    @staticmethod
    @step(depends_on=[paid])
    def ship(input: Any) -> Any:
        return [input["paid"], input["id"]]


def test_class_waits_for_signals(db: Database, client: Client) -> None:
    client.register_workflow(Order)
    run_id = client.start_workflow_run(Order, {"id": 7})
    client.send_signal_by_key("paid", "7", "EUR 5")
    with running_worker(db.dsn, Order):
        client.send_signal(run_id, "approved", {"order": 8})
        client.send_signal(run_id, "approved", {"order": 7}, source="test")
        assert client.wait_for_run(run_id).output == ["EUR 5", 7]
    found = {str(signal.payload): signal for signal in client.list_signals(run_id)}
    assert found["{'order': 8}"].wait_id is None
    approved, paid = found["{'order': 7}"], found["EUR 5"]
    assert (approved.step_slug, approved.source) == ("approved", "test")
    assert (paid.key, paid.step_slug) == ("7", "paid")


def test_executor_executes_a_run_that_waits(db: Database, client: Client) -> None:
    client.register_workflow(Order)
    client.send_signal_by_key("paid", "9", 1)

    class Quick(Workflow):
        paid = wait_for_signal("paid", key="$.id")

        @staticmethod
        @step(depends_on=[paid])
        def ship(input: Any) -> Any:
            return input["paid"]

    assert stepgres.Executor(client).execute(Quick, {"id": 9}).output == 1


def test_document_of_a_class_is_the_document_of_the_options() -> None:
    definition = stepgres.describe(Order)
    documents = {step["step_slug"]: step for step in definition.document["steps"]}
    assert documents["approved"] == {
        "step_slug": "approved",
        "depends_on": ["ask"],
        "wait_for": "approved",
        "match": "$.order == $input.id",
        "timeout": 86400,
    }
    assert documents["ship"]["depends_on"] == ["paid"]
    assert definition.functions.keys() == {"ask", "ship"}


def test_depends_on_must_be_a_list_of_steps_of_the_class() -> None:
    stranger = wait_for_signal("x")

    class Bad(Workflow):
        paid = wait_for_signal("paid")

        @staticmethod
        @step(depends_on=paid)
        def ship(input: Any) -> None: ...

    with pytest.raises(DefinitionError, match="not a list"):
        stepgres.describe(Bad)

    class Worse(Workflow):
        @staticmethod
        @step(depends_on=[stranger])
        def ship(input: Any) -> None: ...

    with pytest.raises(DefinitionError, match="no step of this workflow"):
        stepgres.describe(Worse)


def test_add_step_makes_a_step_that_waits(client: Client) -> None:
    client.create_flow("built")
    made = client.add_step(
        "built", "ask", wait_for="x", timeout=5, when_timeout="default", default_output={"a": 1}
    )
    assert made.wait == {
        "kind": "signal",
        "signal": "x",
        "timeout": 5,
        "when_timeout": "default",
        "default_output": {"a": 1},
    }
    assert client.add_step("built", "later", start_at="$.at").start_at == '$."at"'


def test_lists_and_details_show_waits(client: Client) -> None:
    client.register_workflow(Order)
    client.create_flow("ask_only")
    client.add_step("ask_only", "ask", wait_for="x")
    run_id = client.start_workflow_run("ask_only", {})
    (wait,) = client.list_waits()
    assert (wait.run_id, wait.step_slug, wait.signal, wait.kind) == (run_id, "ask", "x", "signal")
    assert client.list_waits(workflow_slug=Order) == []
    (step_of_run,) = client.get_run(run_id).steps
    assert [w.wait_id for w in step_of_run.waits] == [wait.wait_id]
    assert step_of_run.waits[0].opened_at == wait.opened_at
    sent = client.send_signal(run_id, "x", idempotency_key="k")
    assert sent.outcome == "sent"
    assert client.send_signal(run_id, "x", idempotency_key="k") == (sent.signal_id, "duplicate")
    client.tick()
    assert client.list_waits(run_id) == []
    assert client.list_waits(run_id, include_resolved=True)[0].outcome == "signalled"


def test_errors_have_their_classes(client: Client) -> None:
    client.create_flow("ask_only")
    client.add_step("ask_only", "ask", wait_for="x")
    run_id = client.start_workflow_run("ask_only", {})
    with pytest.raises(RunNotFound):
        client.send_signal(uuid4(), "x")
    with pytest.raises(InvalidInput, match="not the name of a signal"):
        client.send_signal(run_id, "a b")
    with pytest.raises(PayloadTooLarge):
        client.send_signal(run_id, "x", "x" * 1_000_000)
    with pytest.raises(InvalidFilter):
        client.list_waits(kind="task")
    for _ in range(1000):
        client.send_signal(run_id, "note")
    with pytest.raises(TooManySignals) as raised:
        client.send_signal(run_id, "note")
    assert raised.value.hint
    client.cancel_workflow_run(run_id)
    with pytest.raises(RunAlreadyFinished):
        client.send_signal(run_id, "x")


def test_mermaid_shows_what_a_step_waits_for(client: Client) -> None:
    drawn = stepgres.to_mermaid(Order)
    assert re.search(r'n2\(\["approved<br/>signal: approved"\]\)', drawn), drawn
    client.register_workflow(Order)
    client.create_flow("ask_only")
    client.add_step("ask_only", "ask", wait_for="x")
    assert 'n1(["ask<br/>signal: x"])' in stepgres.to_mermaid(client.get_flow("ask_only"))
    run_id = client.start_workflow_run("ask_only", {})
    assert 'n1(["ask<br/>signal: x"]):::started' in client.get_run(run_id).to_mermaid()
