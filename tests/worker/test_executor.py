"""Runs that are executed here and by workers at the same time."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client, DefinitionError, Executor, WorkflowFailed, WorkflowTimeout, describe
from tests.conftest import Database
from tests.support.workers import running_worker
from tests.support.workflows import fail, workflow

DISTRIBUTED = {"execution": "distributed"}


def one(input: Any) -> int:
    return 1


def test_distributed_steps_run_on_a_worker_and_local_ones_here(
    db: Database, client: Client
) -> None:
    names: dict[str, str] = {}

    def collect(input: Any) -> Any:
        return {key: input[key] for key in ("here", "there")}

    async def here(input: Any) -> str:
        return names.setdefault("here", threading.current_thread().name)

    async def there(input: Any) -> str:
        return names.setdefault("there", threading.current_thread().name)

    flow = workflow(
        ("here", here, {"depends_on": []}),
        ("there", there, {**DISTRIBUTED, "depends_on": ["here"]}),
        ("last", collect, {"depends_on": ["here", "there"]}),
    )
    with running_worker(db.dsn, flow):
        assert Executor(client).execute(flow, None).output == names
    assert names["here"] != names["there"]


def test_map_on_workers_between_local_steps(db: Database, client: Client) -> None:
    flow = workflow(
        ("split", lambda n: list(range(n))),
        ("square", lambda i: i * i, {**DISTRIBUTED, "depends_on": ["split"], "map": True}),
        ("total", lambda i: sum(i["square"])),
    )
    with running_worker(db.dsn, flow), running_worker(db.dsn, flow):
        assert Executor(client).execute(flow, 100).output == 328_350


def test_failure_on_a_worker_fails_the_run_here(db: Database, client: Client) -> None:
    flow = workflow(("a", lambda _: 1), ("b", fail, {**DISTRIBUTED, "depends_on": ["a"]}))
    with running_worker(db.dsn, flow), pytest.raises(WorkflowFailed) as raised:
        Executor(client).execute(flow, None)
    assert raised.value.step_slug == "b"


def test_distributed_step_without_a_worker_times_out_and_is_finished_later(
    db: Database, client: Client
) -> None:
    flow = workflow(("a", lambda i: i, DISTRIBUTED), ("b", lambda i: i["a"]))
    with pytest.raises(WorkflowTimeout) as raised:
        Executor(client).execute(flow, 7, timeout=0.1)
    with running_worker(db.dsn, flow):
        assert client.wait_for_run(raised.value.run_id).output == 7


def test_dynamic_workflow_with_local_and_distributed_steps(db: Database, client: Client) -> None:
    flow = workflow(("a", fail), ("b", lambda i: i["a"] + 1))  # as the worker knows it
    client.register_workflow(describe(flow).document)
    with running_worker(db.dsn, flow):
        client.create_flow("built")
        client.add_step("built", "a")
        client.add_step("built", "b", ["a"], execution="distributed")
        functions = {"a": lambda i: i + 1}  # b is the worker's
        with pytest.raises(WorkflowTimeout):  # it does not know this workflow
            Executor(client).execute_dynamic("built", 1, functions, timeout=0.1)
        assert Executor(client).execute_dynamic("demo", 1, {**functions, "b": one}).output == 1


def test_missing_function_is_refused_before_anything_starts(db: Database, client: Client) -> None:
    client.create_flow("demo")
    client.add_step("demo", "a")
    client.add_step("demo", "b", ["a"])
    with pytest.raises(DefinitionError, match='no function for step "b"'):
        Executor(client).execute_dynamic("demo", None, {"a": one})
    with db.connect() as connection:
        assert connection.execute("select * from stepgres.runs").fetchall() == []
    assert Executor(client).execute_dynamic("demo", 1, dict.fromkeys("ab", one)).output == 1


def test_execution_goes_on_when_its_connections_are_cut(db: Database, client: Client) -> None:
    name = {"application_name": "executor"}
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"

    def cut_off(input: Any) -> Any:
        with db.connect() as connection:
            connection.execute(cut, list(name.values()))
        return input

    flow = workflow(("a", cut_off), ("b", cut_off, {"depends_on": ["a"], "map": True}))
    with Client(make_conninfo(db.dsn, **name)) as cut_client:
        assert Executor(cut_client).execute(flow, [1, 2, 3]).output == [1, 2, 3]


def test_execution_that_was_taken_for_dead_ends_when_others_have_finished_its_run(
    db: Database, client: Client
) -> None:
    def forget(input: Any) -> str:
        with db.connect() as connection:  # what a process sees that slept for longer than its lease
            query = "select stepgres.unregister_worker(executor_id) from stepgres.runs"
            connection.execute(query)
        return "here"

    flow = workflow(("a", forget), ("b", lambda i: i["a"]))
    with running_worker(db.dsn, workflow(("a", lambda i: "there"), ("b", lambda i: i["a"]))):
        assert Executor(client).execute(flow, None).output == "there"


def test_local_tasks_that_were_still_queued_are_given_to_workers(
    db: Database, client: Client
) -> None:
    async def endless(input: Any) -> None:
        await anyio.sleep_forever()

    step = {"map": True, "depends_on": []}
    flow = workflow(("a", endless, step))
    with pytest.raises(WorkflowTimeout) as raised:
        Executor(client, concurrency=1).execute(flow, [1, 2, 3], timeout=0.2)
    with running_worker(db.dsn, workflow(("a", lambda i: i, step))):
        assert client.wait_for_run(raised.value.run_id).output == [1, 2, 3]
