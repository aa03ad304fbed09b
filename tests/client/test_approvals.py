"""Approvals and signal_on in Python: classes, clients, and what they return."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

import stepgres
from stepgres import Client, Workflow, approval, step
from stepgres.errors import (
    InvalidFilter,
    InvalidInput,
    NotPermitted,
    PayloadTooLarge,
    RunNotFound,
    WaitAlreadyResolved,
    WaitNotFound,
)
from tests.conftest import Database
from tests.support.workers import running_worker

FORM = {"type": "object", "properties": {"amount": {"type": "number", "minimum": 1}}}


class Contract(Workflow):
    @staticmethod
    @step
    def draft(input: Any) -> Any:
        return f"contract of {input['name']}"

    legal = approval(
        title="Sign the contract",
        assignees=["Ann", "Ben"],
        form=FORM,
        depends_on=[draft],
        when_rejected="continue",
    )

    @staticmethod
    @step(depends_on=[legal])
    def end(input: Any) -> Any:
        legal = input["legal"]
        return [legal["approved"], legal["payload"], legal["decisions"][0]["decided_by"]]


class Quick(Workflow):
    ask = approval(title="Quick?", timeout=60)


def test_class_waits_for_people(db: Database, client: Client) -> None:
    client.register_workflow(Contract)
    client.register_workflow(Quick)
    run_id = client.start_workflow_run(Contract, {"name": "Eve"})
    with running_worker(db.dsn, Contract):
        with client.subscribe(run_id=run_id) as events:
            for event in events:
                if event.event_type == "wait_opened":
                    break
        (found,) = client.list_approvals("Ann", workflow_slug=Contract)
        assert (found.title, found.assignees, found.form) == (
            "Sign the contract", ["Ann", "Ben"], FORM,
        )  # fmt: skip
        assert found.input["draft"] == "contract of Eve"
        decided = client.approve(found.wait_id, {"amount": 5}, "well", decided_by="Ann")
        assert (decided.outcome, len(decided.decisions)) == ("approved", 1)
        assert client.wait_for_run(run_id).output == [True, {"amount": 5}, "Ann"]
    (step_of_run,) = [s for s in client.get_run(run_id).steps if s.step_slug == "legal"]
    assert step_of_run.waits[0].approval is not None
    assert step_of_run.waits[0].outcome == "approved"


def test_executor_waits_for_a_decision_of_another_session(db: Database, client: Client) -> None:
    client.register_workflow(Quick)
    run_id = client.start_workflow_run(Quick, {})
    (found,) = client.list_approvals(run_id=run_id)
    client.reject(found.wait_id, "no", "Ann")
    run = client.get_run(run_id)
    assert run.error == 'step "ask" failed: approval "Quick?" was rejected by Ann: no'


def test_async_client_decides(db: Database, client: Client) -> None:
    client.register_workflow(Quick)
    run_id = client.start_workflow_run(Quick, {})

    async def decide() -> str | None:
        async with stepgres.AsyncClient(db.dsn) as other:
            (found,) = await other.list_approvals(run_id=run_id)
            return (await other.approve(found.wait_id)).outcome

    assert anyio.run(decide) == "approved"


def test_document_has_the_options_that_were_given() -> None:
    (_, legal, end) = stepgres.describe(Contract).document["steps"]
    assert legal == {
        "step_slug": "legal",
        "depends_on": ["draft"],
        "approval": {
            "title": "Sign the contract",
            "assignees": ["Ann", "Ben"],
            "form": FORM,
            "quorum": 1,
            "when_rejected": "continue",
        },
    }
    assert end["depends_on"] == ["legal"]


def test_add_step_makes_an_approval(client: Client) -> None:
    client.create_flow("built")
    made = client.add_step("built", "ask", approval={"title": "Ship it?", "timeout": 5})
    assert made.wait == {
        "kind": "approval",
        "title": "Ship it?",
        "quorum": 1,
        "timeout": 5,
        "when_timeout": "fail",
        "when_rejected": "fail",
    }


def test_errors_have_their_classes(client: Client) -> None:
    client.register_workflow(Contract)
    client.create_flow("built")
    client.add_step("built", "ask", approval={"title": "x", "assignees": ["Ann"], "form": FORM})
    run_id = client.start_workflow_run("built", {})
    (found,) = client.list_approvals()
    with pytest.raises(WaitNotFound):
        client.approve(0)
    with pytest.raises(NotPermitted, match="none of the assignees"):
        client.reject(found.wait_id, "no", "Eve")
    with pytest.raises(InvalidInput, match="must be at least 1"):
        client.approve(found.wait_id, {"amount": 0}, decided_by="Ann")
    with pytest.raises(PayloadTooLarge):
        client.approve(found.wait_id, "x" * 1_000_000, decided_by="Ann")
    with pytest.raises(InvalidFilter):
        client.list_approvals(limit=-1)
    client.reject(found.wait_id, "no", "Ann")
    with pytest.raises(WaitAlreadyResolved, match="was rejected by Ann") as raised:
        client.approve(found.wait_id, {"amount": 5}, decided_by="Ann")
    assert raised.value.hint
    client.prune(older_than=0)
    with pytest.raises(RunNotFound):
        client.list_approvals(run_id=run_id)


def test_mermaid_shows_the_title(client: Client) -> None:
    expected = 'n1(["ask<br/>approval: Quick?"])'
    assert expected in stepgres.to_mermaid(Quick)
    client.register_workflow(Quick)
    assert expected in stepgres.to_mermaid(client.get_flow("quick"))
    run_id = client.start_workflow_run(Quick, {})
    assert expected + ":::started" in client.get_run(run_id).to_mermaid()


def test_table_sends_signals(db: Database, client: Client) -> None:
    with db.connect() as connection:
        connection.execute("create table public.payments (order_id int, status text)")
        client.create_flow("order")
        client.add_step("order", "paid", wait_for="paid", key="$.id")
        run_id = client.start_workflow_run("order", {"id": 7})
        client.signal_on("public.payments", "paid", "order_id", "new.status = 'ok'", ["status"])
        connection.execute("insert into public.payments values (7, 'ok')")
        client.tick()
        assert client.wait_for_run(run_id).output == {"status": "ok"}
        assert client.drop_signal_on("public.payments", "paid") is True
        assert client.drop_signal_on("public.payments", "paid") is False
    with pytest.raises(InvalidInput, match="no such table"):
        client.signal_on("public.nothing", "paid", "order_id", "true")
