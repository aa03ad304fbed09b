"""Durable steps that wait for people and for other runs."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from stepgres import (
    CallFailed,
    Client,
    InvalidInput,
    Rejected,
    RunStatus,
    SignalTimeout,
    StepContext,
)
from tests.conftest import Database
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import fail, workflow


def durable(body: Any, slug: str = "agent", **options: Any) -> Any:
    options = {"depends_on": [], "durable": True, "base_delay": 0, **options}
    return workflow(("body", body, options), slug=slug)


def plain(function: Any, slug: str = "child") -> Any:
    return workflow(("work", function, {"depends_on": []}), slug=slug)


def start(client: Client, flow: Any, input: Any = None) -> UUID:
    (run_id,) = register_and_start(client, flow, [input])
    return run_id


def output(client: Client, run_id: UUID) -> Any:
    """The output of the body when its run is completed."""
    return client.wait_for_run(run_id, PATIENCE).output


def ended(client: Client, run_id: UUID) -> RunStatus:
    """The status of a run when it has ended."""
    return wait_until(
        lambda: client.get_run_status(run_id), lambda run: run.status != "in_progress"
    )


def double(input: Any) -> Any:
    return 2 * input


def test_body_waits_for_children_on_the_loop(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        first = await context.run_workflow("child", 1)
        others = await context.gather(*(context.run_workflow(child, n) for n in (2, 3)))
        return [first, *others]

    child = plain(double)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body), child):
        run_id = start(client, durable(body))
        assert output(client, run_id) == [2, 4, 6]
    tree = client.get_run_tree(run_id)
    assert [(node.level, node.step_slug) for node in tree] == [(0, None), *[(1, "body")] * 3]


def test_body_waits_for_children_in_a_thread(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        first = context.run_workflow("child", 1)
        others = context.gather(*(partial(context.run_workflow, "child", n) for n in (2, 3)))
        return [first, *others]

    child = plain(double)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body), child):
        run_id = start(client, durable(body))
        assert output(client, run_id) == [2, 4, 6]


def test_thousand_children_take_few_executions(db: Database, client: Client) -> None:
    executions = []

    async def body(input: Any, context: StepContext) -> Any:
        executions.append(context.attempt)
        return sum(await asyncio.gather(*(context.run_workflow("child", n) for n in range(1000))))

    child = plain(double)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body), child):
        assert output(client, start(client, durable(body))) == 999_000
    assert len(executions) < 20


def test_failure_of_a_child_is_the_same_later(db: Database, client: Client) -> None:
    seen = []

    def body(input: Any, context: StepContext) -> Any:
        try:
            context.run_workflow("child", 1)
        except CallFailed as error:
            seen.append((error.name, error.error_type, "no luck" in error.error))
        context.sleep(0.01)
        return "survived"

    child = plain(fail)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body), child):
        assert output(client, start(client, durable(body))) == "survived"
    assert seen == [("child", "WorkflowFailed", True)] * 2


@pytest.mark.parametrize(
    ("slug", "message"), [("nobody", '"nobody"'), ("strict", "must be an array")]
)
def test_child_that_cannot_start_raises(
    db: Database, client: Client, slug: str, message: str
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        try:
            context.run_workflow(slug, {"no": "array"})
        except CallFailed as error:
            return error.error

    register_strict(client)
    with running_worker(db.dsn, durable(body)):
        assert message in output(client, start(client, durable(body)))


START_ERRORS = pytest.mark.parametrize(
    ("slug", "message"),
    [("nobody", 'workflow "nobody" does not exist'), ("strict", "must be an array")],
)


@START_ERRORS
def test_run_that_cannot_be_started_raises_at_the_call_in_a_thread(
    db: Database, client: Client, slug: str, message: str
) -> None:
    seen = []

    def body(input: Any, context: StepContext) -> Any:
        with pytest.raises(CallFailed, match=message) as raised:
            context.start_workflow_run(slug, {"no": "array"})
        seen.append((raised.value.name, raised.value.error_type))
        context.sleep(0.01)
        return "survived"

    register_strict(client)
    with running_worker(db.dsn, durable(body)):
        assert output(client, start(client, durable(body))) == "survived"
    assert seen == [(slug, "WorkflowFailed")] * 2  # the same when the body is called again


@START_ERRORS
def test_run_that_cannot_be_started_raises_at_the_call_on_the_loop(
    db: Database, client: Client, slug: str, message: str
) -> None:
    seen = []

    async def body(input: Any, context: StepContext) -> Any:
        starts = (context.start_workflow_run(name, {}) for name in (slug, "other"))
        found: list[Any] = await asyncio.gather(*starts, return_exceptions=True)
        failed, started = found
        seen.append(str(failed))
        await context.sleep(0.01)
        return str(started.run_id)

    register_strict(client)
    client.register_workflow(plain(double, "other"))
    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body))
        assert output(client, run_id) == str(children(client, run_id)[0])
    assert [message in found for found in seen] == [True, True]


def test_body_that_does_not_catch_that_a_run_cannot_start_fails(
    db: Database, client: Client
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        return str(context.start_workflow_run("nobody").run_id)

    with running_worker(db.dsn, durable(body, max_attempts=2)):
        run = ended(client, start(client, durable(body, max_attempts=2)))
    assert run.status == "failed"
    assert 'workflow "nobody" does not exist' in str(run.details)


def register_strict(client: Client) -> None:
    client.register_workflow(
        workflow(("each", double, {"depends_on": [], "map": True}), slug="strict")
    )


def test_input_of_a_child_that_is_no_json_fails_the_step(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        context.run_workflow("child", {"bytes": b"x"})

    with running_worker(db.dsn, durable(body)):
        run = ended(client, start(client, durable(body)))
    assert run.status == "failed"
    assert 'context.run_workflow: input["bytes"]' in (str(run.details))


@pytest.mark.parametrize("method", ["run_workflow", "start_workflow_run"])
def test_what_is_no_workflow_is_named(db: Database, client: Client, method: str) -> None:
    def body(input: Any, context: StepContext) -> Any:
        errors = []
        for value in (5, None, double, {"slug": "child"}):
            with pytest.raises(InvalidInput, match="neither a workflow nor a slug") as raised:
                getattr(context, method)(value)
            assert raised.value.hint is not None
            errors.append(str(raised.value))
        return errors

    with running_worker(db.dsn, durable(body)):
        found = output(client, start(client, durable(body)))
    assert ("5" in found[0], "None" in found[1]) == (True, True)


def test_started_run_has_a_handle(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        started = await context.start_workflow_run("child", 4)
        return [str(started.run_id), await started.result()]

    child = plain(double)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body), child):
        run_id = start(client, durable(body))
        assert output(client, run_id) == [str(children(client, run_id)[0]), 8]


def children(client: Client, run_id: UUID) -> list[UUID]:
    return [node.run_id for node in client.get_run_tree(run_id) if node.level == 1]


def test_started_run_goes_on_after_the_body(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        starting = partial(context.start_workflow_run, "child")
        return [str(started.run_id) for started in context.gather(starting, starting)]

    child = plain(double)
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body))
        started = output(client, run_id)
    assert started == [str(child) for child in children(client, run_id)]
    assert {client.get_run_status(run_id).status for run_id in children(client, run_id)} == {
        "in_progress"
    }
    with running_worker(db.dsn, child):
        for run in children(client, run_id):
            assert ended(client, run).status == "failed"  # None cannot be doubled


def test_child_that_the_body_leaves_behind_is_cancelled(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        child = asyncio.create_task(context.run_workflow("child", 1))
        await context.run("look", wait_until, lambda: bool(children(client, context.run_id)))
        return child.done()

    client.register_workflow(plain(double))
    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body))
        assert output(client, run_id) is False
        wait_until(
            lambda: [client.get_run_status(run).status for run in children(client, run_id)],
            lambda statuses: statuses == ["failed"],
        )


def test_body_starts_its_own_workflow(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        return 0 if input == 0 else 1 + context.run_workflow("agent", input - 1)

    with running_worker(db.dsn, durable(body)):
        assert output(client, start(client, durable(body), 20)) == 20


def test_retried_body_continues_the_child_that_failed(db: Database, client: Client) -> None:
    executed = []

    def work(input: Any) -> Any:
        executed.append("first")
        return input

    def last(input: Any) -> Any:
        executed.append("last")
        if executed.count("last") == 1:
            fail(input)
        return "done"

    def body(input: Any, context: StepContext) -> Any:
        return context.run_workflow("child", 1)

    child = workflow(
        ("work", work, {"depends_on": []}), ("last", last, {"depends_on": ["work"]}), slug="child"
    )
    client.register_workflow(child)
    with running_worker(db.dsn, durable(body, max_attempts=1), child):
        run_id = start(client, durable(body, max_attempts=1))
        assert ended(client, run_id).status == "failed"
        assert output(client, client.retry_failed_workflow(run_id)) == "done"
    assert executed == ["first", "last", "last"]


def test_retried_body_waits_anew_for_what_ended_it_and_not_for_what_it_survived(
    db: Database, client: Client
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        try:
            context.wait_for_signal("hint", timeout=0.01)
        except SignalTimeout:
            context.run("note", lambda: None)
        return context.wait_for_signal("paid", timeout=None if allowed else 0.01)

    allowed: list[bool] = []
    with running_worker(db.dsn, durable(body, max_attempts=1)):
        run_id = start(client, durable(body, max_attempts=1))
        assert ended(client, run_id).status == "failed"
        allowed.append(True)
        retried = client.retry_failed_workflow(run_id)
        client.send_signal(retried, "hint", 1)
        client.send_signal(retried, "paid", 2)
        assert output(client, retried) == 2
    (body_step,) = client.get_run(retried).steps
    waits = {wait.signal: wait.outcome for wait in body_step.waits}
    assert waits == {"hint": "timed_out", "paid": "signalled"}


def approvals(client: Client, run_id: UUID) -> list[Any]:
    return wait_until(lambda: client.list_approvals(run_id=run_id))


def test_body_waits_for_people(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        answer = await context.approval(
            "refund",
            title="Refund 40 EUR",
            assignees=["ann"],
            form={"type": "object", "properties": {"amount": {"type": "integer"}}},
        )
        return answer["payload"]

    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body))
        (asked,) = approvals(client, run_id)
        assert (asked.title, asked.assignees, asked.name) == (
            "Refund 40 EUR",
            ["ann"],
            "approval refund",
        )
        client.approve(asked.wait_id, {"amount": 30}, decided_by="ann")
        assert output(client, run_id) == {"amount": 30}


def test_rejected_approval_raises(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        try:
            context.approval("refund")
        except Rejected as error:
            return [error.name, error.error]

    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body))
        (asked,) = approvals(client, run_id)
        assert asked.title == "refund"
        client.reject(asked.wait_id, "too much")
        name, error = output(client, run_id)
        assert (name, "too much" in error) == ("refund", True)


def test_approval_times_out(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        try:
            context.approval("refund", timeout=0.01)
        except SignalTimeout as error:
            return str(error)

    with running_worker(db.dsn, durable(body)):
        expected = 'approval "refund" has not come in time'
        assert output(client, start(client, durable(body))) == expected


def test_malformed_approval_fails_the_step(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        context.approval("refund", quorum=2, assignees=["ann"])

    with running_worker(db.dsn, durable(body)):
        run = ended(client, start(client, durable(body)))
    assert run.status == "failed"
    assert '"approval refund": a quorum of 2 cannot be reached' in (str(run.details))


def test_fork_of_a_body_that_failed_goes_on_from_its_checkpoints(
    db: Database, client: Client
) -> None:
    calls: list[Any] = []

    def body(input: Any, context: StepContext) -> Any:
        context.run("charge", calls.append, input)
        if input == 1:
            fail(input)
        return context.run("ship", lambda: "shipped")

    with running_worker(db.dsn, durable(body)):
        run_id = start(client, durable(body), 1)
        assert ended(client, run_id).status == "failed"
        kept = client.fork_run(run_id, ["body"], input=2, keep_checkpoints=True)
        assert output(client, kept) == "shipped"
        assert calls == [1]
        assert output(client, client.fork_run(run_id, ["body"], input=2)) == "shipped"
    assert calls == [1, 2]
