"""Which worker gets which task, and in what order."""

from __future__ import annotations

from typing import Any

from stepgres import Client
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow


def echo(input: Any) -> Any:
    return input


def worker_of(database: Database, run_id: Any) -> list[Any]:
    with database.connect() as connection:
        query = "select worker_id from stepgres.tasks where run_id = %s"
        return [row[0] for row in connection.execute(query, [run_id])]


def test_gpu_task_waits_for_a_gpu_worker(db: Database, client: Client) -> None:
    gpu = workflow(("only", echo, {"resources": {"gpu": True}}), slug="gpu")
    plain = workflow(("only", echo), slug="plain")
    with running_worker(db.dsn, gpu, plain):
        (gpu_run,) = register_and_start(client, gpu, [1])
        for number in range(3):
            (run_id,) = register_and_start(client, plain, [number])
            client.wait_for_run(run_id)
        assert worker_of(db, gpu_run) == [None]
        with running_worker(db.dsn, gpu, resources={"gpu": True, "memory": 64}):
            assert client.wait_for_run(gpu_run).output == 1
    assert worker_of(db, gpu_run) != worker_of(db, run_id)


def test_tasks_of_a_higher_priority_run_first(db: Database, client: Client) -> None:
    executed: list[Any] = []
    flows = [
        workflow(("only", executed.append), slug=slug, priority=priority)
        for slug, priority in [("low", -1), ("middle", 0), ("high", 7)]
    ]
    for flow in flows:
        register_and_start(client, flow, [flow.slug] * 3)
    urgent = client.start_workflow_run("low", "urgent", priority=100)
    with running_worker(db.dsn, *flows, concurrency=1):
        client.wait_for_run(urgent)
        wait_until(lambda: len(executed) == 10)
    assert executed == ["urgent"] + ["high"] * 3 + ["middle"] * 3 + ["low"] * 3


def test_worker_takes_only_from_its_queues(db: Database, client: Client) -> None:
    second = {"queue": "second", "depends_on": ["a"]}
    flow = workflow(("a", echo, {"queue": "first"}), ("b", echo, second))
    with running_worker(db.dsn, flow, queues=["first"]):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: len(worker_of(db, run_id)) == 2)
        assert sum(worker_id is None for worker_id in worker_of(db, run_id)) == 1
        with running_worker(db.dsn, flow, queues=["second", "third"]):
            client.wait_for_run(run_id)
    assert len(set(worker_of(db, run_id))) == 2
