"""Values that are too deep for Python, or too large for PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepgres import Client, UnreadableValue, WorkflowFailed
from stepgres._execution import attempts as _attempts
from stepgres._execution import turns as _turns
from stepgres._execution.worker_client import WorkerClient
from stepgres.types import WorkItem
from tests.conftest import Database
from tests.support.limits import limit_inputs
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import workflow

DEPTH = 3_000
DEEP = f"repeat('[', {DEPTH}) || repeat(']', {DEPTH})"
ONCE = {"max_attempts": 1}
ECHO = "public.echo"
SANE = workflow(("only", lambda i: i), slug="sane")


def start_deep(database: Database, client: Client, flow: Any) -> Any:
    """A run whose input Python cannot read."""
    register_and_start(client, flow, [])
    with database.connect() as connection:
        query = f"select stepgres.start_workflow_run('demo', ({DEEP})::jsonb)"
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def look_at_run_input(input: Any, context: Any) -> Any:
    return context.run_input


def test_input_that_is_too_deep_is_a_failed_attempt_and_its_worker_goes_on(
    db: Database, client: Client
) -> None:
    flow = workflow(("only", lambda i: i, ONCE))
    with running_worker(db.dsn, flow, SANE):
        before = worker_ids(db.dsn)
        deep_id = start_deep(db, client, flow)
        run_ids = register_and_start(client, SANE, [1, 2])
        with pytest.raises(WorkflowFailed, match="the input of the step is nested more deeply"):
            client.wait_for_run(deep_id)
        assert [client.wait_for_run(run_id).output for run_id in run_ids] == [1, 2]
        assert worker_ids(db.dsn) == before


@pytest.fixture
def echo(db: Database, client: Client) -> None:
    """A step in SQL that returns its input."""
    with db.connect() as connection:
        connection.execute(
            "create function public.echo(input jsonb) returns jsonb language sql as 'select input'"
        )
    client.register_sql_function(ECHO)


def test_run_input_that_is_too_deep_fails_the_step_that_looks_at_it(
    db: Database, client: Client
) -> None:
    flow = workflow(("only", look_at_run_input, {"initial_tasks": 1, **ONCE}))
    with db.connect() as connection:
        connection.execute(
            "create or replace function stepgres.get_run_input(run_id uuid) returns jsonb"
            f" language sql as $$ select ({DEEP})::jsonb $$"
        )
    reason = "the input of the run is nested more deeply"
    (run_id,) = register_and_start(client, flow)
    with running_worker(db.dsn, flow), pytest.raises(WorkflowFailed, match=reason):
        client.wait_for_run(run_id)


@pytest.mark.usefixtures("echo")
def test_step_in_sql_takes_and_returns_what_python_cannot_read(
    db: Database, client: Client
) -> None:
    flow = workflow(("a", ECHO), ("b", ECHO), ("c", len, {**ONCE, "depends_on": ["b"]}))
    with running_worker(db.dsn, flow):
        run_id = start_deep(db, client, flow)
        with pytest.raises(WorkflowFailed, match='step "c" failed: UnreadableValue'):
            client.wait_for_run(run_id)


def test_client_that_is_told_something_too_deep_says_so_and_goes_on(
    db: Database, client: Client
) -> None:
    run_id = start_deep(db, client, workflow(("only", len)))
    worker_id = client.register_worker(lease=86_400)
    with pytest.raises(UnreadableValue, match=r"the answer of stepgres\.get_run_input") as error:
        client.get_run_input(run_id)
    assert "sys.getrecursionlimit()" in str(error.value.hint)
    with pytest.raises(UnreadableValue):
        client.claim_tasks(worker_id)
    with db.connect() as connection:
        complete = f"select stepgres.complete_task(%s, %s, 'only', ({DEEP})::jsonb)"
        connection.execute(complete.encode(), [worker_id, run_id])
    with pytest.raises(UnreadableValue):
        client.wait_for_run(run_id)
    assert client.unregister_worker(worker_id) == 0


def test_result_that_postgres_can_never_take_is_a_failed_attempt(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempts, "MOST_CHARACTERS", 100_000)
    flow = workflow(("only", lambda n: "x" * n, ONCE))
    with running_worker(db.dsn, flow):
        large, small = register_and_start(client, flow, [100_000, 90_000])
        with pytest.raises(WorkflowFailed, match=r"100,\d{3} characters of JSON, more than"):
            client.wait_for_run(large)
        assert len(client.wait_for_run(small).output) == 90_000


def test_step_whose_input_postgres_cannot_hold_fails_and_its_worker_goes_on(
    db: Database, client: Client
) -> None:
    with db.connect() as connection:
        limit_inputs(connection)
    flow = workflow(("only", lambda i: i))
    with running_worker(db.dsn, flow):
        before = worker_ids(db.dsn)
        *small, large = register_and_start(client, flow, [1, 2, "large"])
        assert [client.wait_for_run(run_id).output for run_id in small] == [1, 2]
        with pytest.raises(WorkflowFailed, match='step "only" failed: its input is larger than'):
            client.wait_for_run(large)
        assert worker_ids(db.dsn) == before


def test_results_are_sent_in_messages_that_postgres_can_take(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_turns, "MOST_CHARACTERS", 1_000)
    lengths = []
    work_as_text = WorkerClient.work_as_text

    async def observed(
        self: WorkerClient, worker_id: str, results: str, *more: Any
    ) -> list[WorkItem]:
        lengths.append((len(json.loads(results)), len(results)))
        return await work_as_text(self, worker_id, results, *more)

    monkeypatch.setattr(WorkerClient, "work_as_text", observed)
    flow = workflow(("only", lambda n: "x" * n, {"map": True}))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow, [[100, 2_000] * 20])
        assert list(map(len, client.wait_for_run(run_id).output)) == [100, 2_000] * 20
    assert all(count == 1 or length <= 1_001 for count, length in lengths)
    assert max(length for _, length in lengths) > 2_000
