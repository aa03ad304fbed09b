"""The steps of a worker on a Dask cluster, whose client is a concurrent.futures.Executor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

import pytest

import stepgres
from stepgres import Client
from tests.conftest import Database
from tests.support.waiting import PATIENCE
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

distributed = pytest.importorskip("distributed", reason="needs stepgres[dask]")

MAP = {"map": True, "depends_on": []}


def square(number: int) -> int:
    return number * number


def refuse(input: Any) -> None:
    raise ValueError(f"no {input}")


def process_id(input: Any) -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    """The executor of a scheduler and a worker that live in a process of their own each."""
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0"
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client.get_executor()


def test_steps_run_on_the_cluster(db: Database, client: Client, cluster: Executor) -> None:
    flow = workflow(("square", square, MAP), ("total", lambda i: sum(i["square"])))
    with running_worker(db.dsn, flow, executor=cluster):
        (run_id,) = register_and_start(client, flow, [list(range(100))])
        assert client.wait_for_run(run_id).output == 328_350


def test_step_runs_in_a_process_of_the_cluster(
    db: Database, client: Client, cluster: Executor
) -> None:
    flow = workflow(("only", process_id))
    with running_worker(db.dsn, flow, executor=cluster):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id).output == cluster.submit(os.getpid).result(PATIENCE)


def test_each_of_equal_tasks_is_executed(
    db: Database, client: Client, cluster: Executor, tmp_path: Any
) -> None:
    def leave_a_trace(directory: str) -> str:
        from pathlib import Path
        from uuid import uuid4

        trace = uuid4().hex
        (Path(directory) / trace).touch()
        return trace

    flow = workflow(("only", leave_a_trace, MAP))
    with running_worker(db.dsn, flow, executor=cluster):
        (run_id,) = register_and_start(client, flow, [[str(tmp_path)] * 20])
        traces = client.wait_for_run(run_id).output
    assert sorted(traces) == sorted(path.name for path in tmp_path.iterdir())
    assert len(set(traces)) == 20


def test_error_of_a_step_comes_back_from_the_cluster(
    db: Database, client: Client, cluster: Executor
) -> None:
    flow = workflow(("only", refuse), max_attempts=2, base_delay=0)
    with running_worker(db.dsn, flow, executor=cluster):
        (run_id,) = register_and_start(client, flow, [7])
        with pytest.raises(stepgres.WorkflowFailed, match="ValueError: no 7"):
            client.wait_for_run(run_id)


def look_at_context(input: Any, context: Any) -> int:
    return int(context.attempt)


def test_step_with_a_context_is_refused_on_a_cluster_when_the_worker_starts(
    client: Client, cluster: Executor
) -> None:
    flow = workflow(("only", look_at_context))
    with pytest.raises(stepgres.DefinitionError, match='step "only": its function takes a context'):
        stepgres.Worker(client, [flow], executor=cluster).run()
