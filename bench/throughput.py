"""Steps per second through queues: worker processes that start their share of runs and drain them.

A step costs what Stepgres costs: its output is a constant. Everything is counted, from the first
start to the last completion, and compared with what pgmq alone does in the same time: the same
processes sending and popping tickets of the same size in batches of 100.
"""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING

import psycopg
from psycopg.types.json import Jsonb

from stepgres import Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

    from bench.shapes import Shape

BATCH = 100
MESSAGES = 40_000
PGMQ_QUEUE = "bench_raw"


def measure_pgmq(dsn: str, workers: int) -> float:
    """Messages per second through a pgmq queue, sent and popped."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pgmq.create(%s)", [PGMQ_QUEUE])
    share = MESSAGES // workers
    return share * workers / _run_processes(workers, _send_and_pop, dsn, share)


def measure_shape(dsn: str, shape: Shape, workers: int) -> float:
    """Steps per second of a shape of workflow; tasks, for a map."""
    with Client(dsn) as client:
        client.register_workflow(shape.definition)
    share = shape.runs // workers
    seconds = _run_processes(workers, _start_and_work, dsn, shape, share)
    return share * workers * shape.steps_per_run / seconds


def _run_processes(count: int, target: Callable[..., None], *arguments: object) -> float:
    """The seconds from the moment when all processes are ready until the last one has ended."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count + 1)
    processes = [
        context.Process(target=target, args=(*arguments, barrier), daemon=True)
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a worker process ended with exit code {process.exitcode}")
    return time.perf_counter() - started


def _send_and_pop(dsn: str, messages: int, barrier: Barrier) -> None:
    ticket = {"run_id": "0" * 36, "step_slug": "only", "task_index": 0}
    batch = [Jsonb(ticket)] * BATCH
    with psycopg.connect(dsn, autocommit=True) as connection:
        barrier.wait()
        for _ in range(messages // BATCH):
            connection.execute("select pgmq.send_batch(%s, %s)", [PGMQ_QUEUE, batch])
        popped = 0
        while popped < messages:
            pop = connection.execute("select * from pgmq.pop(%s, %s)", [PGMQ_QUEUE, BATCH])
            popped += len(pop.fetchall())


def _start_and_work(dsn: str, shape: Shape, runs: int, barrier: Barrier) -> None:
    with Client(dsn) as client:
        worker_id = client.register_worker()
        barrier.wait()
        for first in range(0, runs, shape.runs_per_start):
            count = min(shape.runs_per_start, runs - first)
            client.start_workflow_runs(shape.name, [shape.input] * count)
        results: list[dict[str, object]] = []
        while True:
            items = client.work(worker_id, results, BATCH)
            results = [
                {
                    "run_id": str(item.run_id),
                    "step_slug": item.step_slug,
                    "task_index": item.task_index,
                    "attempt": item.attempt,
                    "status": "completed",
                    "output": shape.outputs.get(item.step_slug, item.task_index),
                }
                for item in items
            ]
            if not items and _is_drained(dsn):
                return


def _is_drained(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select not exists (select from stepgres.active_runs)").fetchone()
    return bool(row and row[0])
