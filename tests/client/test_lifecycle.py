"""What a client does with runs after their start."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

import stepgres
from stepgres import Client, RunStep, Workflow, errors, step
from stepgres.types import run_details
from tests.conftest import Clock, Database
from tests.support.engine import Engine
from tests.support.engine import step as document

NOBODY = UUID(int=1)


class OrderLines(Workflow):
    """A map between two steps."""

    max_attempts = 1

    @staticmethod
    @step
    def fetch(input: Any) -> list[int]:
        return [1, 2]

    @staticmethod
    @step(depends_on=["fetch"], map=True)
    def price(item: int) -> int:
        return 10 * item

    @staticmethod
    @step(depends_on=["price"])
    def total(input: Any) -> int:
        return sum(input["price"])


@pytest.fixture(autouse=True)
def order_lines(client: Client) -> None:
    client.register_workflow(stepgres.describe(OrderLines).document)


def test_critical_path_has_named_durations(client: Client, engine: Engine, clock: Clock) -> None:
    run_id = start(client)
    clock.advance(3)
    item = engine.claim_one()
    clock.advance(2)
    engine.complete(item, [])
    (fetch, price, total) = client.critical_path(run_id)
    assert (fetch.step_slug, fetch.task_index, fetch.status) == ("fetch", 0, "completed")
    assert (fetch.queued, fetch.running) == (timedelta(seconds=3), timedelta(seconds=2))
    assert (price.task_index, price.running, total.finished_at) == (None, timedelta(0), None)
    with pytest.raises(errors.RunNotFound):
        client.critical_path(NOBODY)


def start(client: Client, **options: Any) -> UUID:
    return client.start_workflow_run("order_lines", {"n": 1}, **options)


def test_start_takes_delay_deadline_tags_and_parent(client: Client, clock: Clock) -> None:
    parent = start(client)
    run_id = start(client, delay=1.5, deadline=60, tags=("a", "b"), parent_run_id=parent)
    run = client.get_run(run_id)
    assert (run.tags, run.parent_run_id, run.deadline) == (["a", "b"], parent, 60.0)
    (fetch, *_) = client.why_stuck(run_id)
    assert (fetch.step_slug, fetch.waits_for) == ("fetch", "start")
    assert fetch.until == run.inserted_at + timedelta(seconds=1.5)
    clock.advance(1.5)
    client.tick()
    assert client.why_stuck(run_id)[0].waits_for != "start"
    clock.advance(60)
    client.tick()
    assert client.get_run_status(run_id).details == "run did not end within its deadline of 60 s"


def test_start_of_many_takes_what_the_start_of_one_takes(client: Client, clock: Clock) -> None:
    parent = start(client)
    run_ids = client.start_workflow_runs(
        "order_lines",
        [{"n": 1}, {"n": 2}],
        version=1,
        priority=7,
        delay=1.5,
        deadline=60,
        tags=("a", "b"),
        parent_run_id=parent,
    )
    for run in map(client.get_run, run_ids):
        assert (run.tags, run.parent_run_id, run.deadline) == (["a", "b"], parent, 60.0)
        assert (run.version, run.priority) == (1, 7)
        assert {reason.waits_for for reason in client.why_stuck(run.run_id)} >= {"start"}
    clock.advance(61.5)
    client.tick()
    assert [client.get_run_status(run_id).status for run_id in run_ids] == ["failed", "failed"]
    client.cancel_workflow_run(parent)


def test_many_are_cancelled_with_their_parent(client: Client) -> None:
    parent = start(client)
    run_ids = client.start_workflow_runs("order_lines", [{"n": 1}] * 2, parent_run_id=parent)
    client.cancel_workflow_run(parent, "no more")
    assert [client.get_run_status(run_id).details for run_id in run_ids] == ["no more"] * 2


def test_details_of_a_run(client: Client, engine: Engine) -> None:
    run_id = start(client, tags=["a"])
    engine.complete(engine.claim_one(), [1, 2])
    first, second = engine.claim()
    engine.complete(first, 10)
    engine.fail(second, "ValueError: no luck")
    run = client.get_run(run_id)
    assert (run.run_id, run.workflow_slug, run.version) == (run_id, "order_lines", 1)
    assert (run.status, run.failed_step, run.input) == ("failed", "price", {"n": 1})
    assert run.finished_at is not None
    assert run.inserted_at < run.finished_at
    fetch, price, total = run.steps
    assert (fetch.status, fetch.output, fetch.depends_on) == ("completed", [1, 2], [])
    assert (price.status, price.map, price.initial_tasks) == ("failed", True, 2)
    assert price.tasks == {"completed": 1, "failed": 1}
    assert total.status == "cancelled"
    failed, completed = price.attempts
    assert (failed.task_index, failed.attempt, failed.error) == (1, 1, "ValueError: no luck")
    assert (completed.status, completed.worker_id) == ("completed", "worker")
    assert failed.started_at is not None


def test_details_are_all_that_sql_knows(client: Client, engine: Engine) -> None:
    document = engine.call("get_run", run_id=start(client))
    assert document.keys() == {field.name for field in fields(stepgres.RunDetails)}
    assert set(RunStep._fields) <= document["steps"][0].keys()


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-01-02T03:04:05+00:00", 0),
        ("2026-01-02T03:04:05.1+00:00", 100_000),
        ("2026-01-02T03:04:05.12345+05:30", 123_450),
        ("2026-01-02T03:04:05.123456-08:00", 123_456),
    ],
)
def test_times_are_read_with_any_number_of_digits(
    client: Client, engine: Engine, text: str, microsecond: int
) -> None:
    document = engine.call("get_run", run_id=start(client))
    run = run_details({**document, "inserted_at": text, "a key of a newer server": 1})
    assert run.inserted_at.microsecond == microsecond
    assert run.inserted_at.tzinfo is not None


def test_runs_are_listed_as_they_are_filtered(client: Client, clock: Clock) -> None:
    client.create_flow("other")
    client.add_step("other", "only")
    first = start(client, tags=["a", "b"])
    clock.advance(1)
    second = start(client, tags=["a"])
    clock.advance(1)
    third = client.start_workflow_run("other", None)
    client.cancel_workflow_run(second)

    def listed(**options: Any) -> list[UUID]:
        return [run.run_id for run in client.list_workflow_runs(**options)]

    assert listed() == [third, second, first]
    assert listed(status="failed") == [second]
    assert listed(tags=["b", "a"]) == [first]
    for workflow in (OrderLines, "order_lines", "OrderLines"):
        assert listed(workflow_slug=workflow) == [second, first]
    assert listed(limit=1, offset=1, order_by=("asc", "inserted_at")) == [second]
    (run,) = client.list_workflow_runs("failed")
    assert (run.error, run.tags) == ("User requested cancellation", ["a"])
    assert isinstance(run.cancelled_at, datetime)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (errors.InvalidFilter, {"status": "done"}),
        (errors.InvalidFilter, {"status": "in_progress"}),
        (errors.InvalidFilter, {"limit": -1}),
        (errors.InvalidFilter, {"order_by": ("inserted_at", "desc")}),
        (errors.InvalidFilter, {"order_by": ("desc",)}),
        (errors.InvalidInput, {"order_by": "desc"}),
        (errors.InvalidInput, {"tags": "nightly"}),
        (errors.InvalidInput, {"tags": ["\0"]}),
        (errors.InvalidInput, {"workflow_slug": "\ud800"}),
    ],
)
def test_wrong_filter_is_refused(client: Client, cls: type[Any], options: dict[str, Any]) -> None:
    with pytest.raises(cls) as error:
        client.list_workflow_runs(**options)
    assert error.value.hint


def test_pause_and_resume(client: Client, engine: Engine) -> None:
    run_id = start(client)
    client.pause_workflow_run(run_id)
    client.pause_workflow_run(run_id)
    assert client.get_run_status(run_id).paused
    assert engine.claim() == []
    client.resume_workflow_run(run_id)
    assert not client.get_run_status(run_id).paused
    with pytest.raises(errors.RunNotPaused):
        client.resume_workflow_run(run_id)
    engine.drain({"fetch": lambda _: []})
    status = client.get_run_status(run_id)
    assert (status.status, status.paused) == ("completed", False)
    for change in (client.pause_workflow_run, client.resume_workflow_run):
        with pytest.raises(errors.RunAlreadyFinished):
            change(run_id)


def test_wake(client: Client, engine: Engine) -> None:
    run_id = start(client, delay=3600)
    assert client.wake_workflow_run(run_id) == 1
    assert client.wake_workflow_run(run_id) == 0
    engine.call("tick")
    assert engine.claim_one().run_id == run_id
    client.pause_workflow_run(run_id)
    with pytest.raises(errors.IllegalTransition) as error:
        client.wake_workflow_run(run_id)
    assert error.value.hint
    client.cancel_workflow_run(run_id)
    with pytest.raises(errors.RunAlreadyFinished):
        client.wake_workflow_run(run_id)


def test_cancel(client: Client, engine: Engine) -> None:
    parent = start(client)
    child = start(client, parent_run_id=parent)
    client.cancel_workflow_run(parent, "enough")
    client.cancel_workflow_run(parent, "again")
    for run_id in (parent, child):
        assert client.get_run_status(run_id).details == "enough"
        with pytest.raises(errors.WorkflowFailed, match="enough"):
            client.wait_for_run(run_id)
    with pytest.raises(errors.RunAlreadyFinished):
        start(client, parent_run_id=parent)
    completed = start(client)
    engine.drain({"fetch": lambda _: []})
    with pytest.raises(errors.RunAlreadyFinished):
        client.cancel_workflow_run(completed)
    client.cancel_workflow_run(completed, force=True)
    assert client.get_run_status(completed).status == "completed"


def test_retry(client: Client) -> None:
    run_id = start(client, tags=["a"])
    with pytest.raises(errors.RunNotFailed):
        client.retry_failed_workflow(run_id)
    reset = client.retry_failed_workflow(run_id, reset_all=True)
    client.cancel_workflow_run(run_id)
    new_id = client.retry_failed_workflow(run_id, skip_completed=False)
    assert len({run_id, reset, new_id}) == 3
    new = client.get_run(new_id)
    assert (new.retried_from, new.tags, new.input) == (run_id, ["a"], {"n": 1})


def test_prune(client: Client, engine: Engine, clock: Clock) -> None:
    for _ in range(3):
        client.cancel_workflow_run(start(client))
    clock.advance(10)
    active = start(client)
    assert client.prune(10.5) == 0
    assert client.prune(9.5, workflow_slug="nothing") == 0
    assert client.prune(9.5, batch_size=2, workflow_slug=OrderLines) == 2
    assert client.prune(9.5) == 1
    assert [run.run_id for run in client.list_workflow_runs()] == [active]
    with pytest.raises(errors.InvalidInput):
        client.prune(-1)


def test_workflow_in_use_is_not_deleted(client: Client) -> None:
    run_id = start(client)
    with pytest.raises(errors.WorkflowInUse, match="order_lines"):
        client.delete_flow("order_lines")
    client.delete_flow("order_lines", force=True)
    with pytest.raises(errors.RunNotFound):
        client.get_run(run_id)


@pytest.mark.parametrize(
    "function",
    [
        "get_run",
        "get_run_status",
        "why_stuck",
        "cancel_workflow_run",
        "pause_workflow_run",
        "resume_workflow_run",
        "wake_workflow_run",
        "retry_failed_workflow",
        "wait_for_run",
    ],
)
def test_unknown_run(client: Client, function: str) -> None:
    with pytest.raises(errors.RunNotFound, match=str(NOBODY)) as error:
        getattr(client, function)(NOBODY)
    assert error.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": 1e20},
        {"deadline": 0},
        {"tags": [None]},
        {"tags": "nightly"},
        {"idempotency_key": "\0"},
    ],
)
def test_wrong_option_of_a_run_is_refused(
    client: Client, engine: Engine, options: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidInput) as error:
        start(client, **options)
    assert error.value.hint
    assert engine.rows("select * from stepgres.runs") == []


def test_change_is_part_of_the_transaction_of_the_caller(client: Client, db: Database) -> None:
    run_id = start(client)
    with db.connect() as connection:
        with connection.transaction(force_rollback=True):
            mine = Client(connection)
            mine.pause_workflow_run(run_id)
            assert mine.get_run_status(run_id).paused
            new_id = mine.retry_failed_workflow(run_id, reset_all=True)
        assert not client.get_run_status(run_id).paused
        assert [run.run_id for run in client.list_workflow_runs()] != [new_id]


@pytest.mark.anyio
async def test_async_client_does_the_same(db: Database, engine: Engine) -> None:
    engine.define("order", document("a", max_attempts=1))
    async with stepgres.AsyncClient(db.dsn) as client:
        run_id = await client.start_workflow_run("order", {}, run_id=uuid4(), tags=["a"])
        await client.pause_workflow_run(run_id)
        assert (await client.get_run_status(run_id)).paused
        await client.resume_workflow_run(run_id)
        assert [s.waits_for for s in await client.why_stuck(run_id)] == ["worker"]
        await client.cancel_workflow_run(run_id)
        assert (await client.get_run(run_id)).steps[0].status == "cancelled"
        new_id = await client.retry_failed_workflow(run_id)
        runs = await client.list_workflow_runs(tags=["a"])
        assert [run.run_id for run in runs] == [new_id, run_id]
        assert await client.prune(0, workflow_slug="order") == 1
