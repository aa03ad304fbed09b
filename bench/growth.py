"""Does a step cost more in a larger run, beside more runs, or with more queues?

A bare loop over work() executes each size and the size ten times as large. The call of one size is
compared with the call of the smallest, per step: 1.0 is linear.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from bench.measure import one_by_one, ratio
from bench.report import PER_SECOND, SERVER, WAL, Column, Table
from bench.shapes import Shape, chain, diamond, jobs, map_of
from bench.throughput import BATCH, constant_result
from stepgres import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.measure import Bench, Figures

_CHAINS = 20  # at a time
CALLS = ("start", "pause", "resume", "cancel", "retry")


def bench_growth(bench: Bench) -> Iterator[Table]:
    small = bench.size(100, 10)
    sizes = [small, 10 * small, 100 * small]
    queued = bench.size(1_000, 100)
    lengths = [bench.size(10, 2) * factor for factor in (1, 10, 100)]
    groups: list[dict[str, list[Shape]]] = [
        {f"map of {n:,}": [map_of(n, 1)] for n in [*sizes, 10 * sizes[-1]]},
        {f"diamond 1-{n:,}-1": [diamond(n, 1)] for n in sizes},
        {f"{_CHAINS} chains of {n:,}": [chain(n, _CHAINS)] for n in lengths},
        {f"{n:,} runs of 1 step": [jobs(n, f"jobs_{n}")] for n in sizes},
        {
            f"{n} queues": [jobs(queued // n, f"on_{n}_{i}", f"q_{n}_{i}") for i in range(n)]
            for n in (1, 10, bench.size(100, 20))
        },
    ]
    steps = bench.size(10_000, 300)
    with bench.server.database() as dsn, Client(dsn) as client:
        _execute(bench, client, [chain(10, 20, "warm_up")], steps)
        cases = {
            name: partial(_execute, bench, client, shapes, steps)
            for group in groups
            for name, shapes in group.items()
        }
        rows, rounds = bench.in_rounds(one_by_one(cases))
    for group in groups:
        names = list(group)
        for name in names:
            rows[name]["ratio"] = ratio(rows[name]["server_us"], rows[names[0]]["server_us"])
    yield Table(
        "growth",
        "One process calls work() in a loop, with starts. Server: all its processes. The ratio is "
        "to the server CPU in the first row of the kind.",
        [PER_SECOND, SERVER, Column("ratio", "ratio", ".2f"), WAL],
        rows,
        rounds,
    )
    with bench.server.database() as dsn:
        yield _large_runs(bench, dsn)


def _execute(bench: Bench, client: Client, shapes: Sequence[Shape], least: int) -> Figures:
    """Start and execute all runs of the shapes, repeatedly until there were so many steps."""
    steps = sum(shape.runs * shape.steps_per_run for shape in shapes)
    outputs = {shape.flow("loop").slug: shape.outputs for shape in shapes}
    for shape in shapes:
        client.register_workflow(shape.document("loop"))
    queues = [shape.queue or "default" for shape in shapes]
    worker_id = client.register_worker(queues=queues, lease=600)
    repetitions = max(1, least // steps)
    executed = 0
    with bench.server.measure() as usage:
        for _ in range(repetitions):
            for shape in shapes:
                _start(client, shape)
            results: list[dict[str, Any]] = []
            while items := client.work(worker_id, results, BATCH):
                results = [constant_result(item, outputs[item.workflow_slug]) for item in items]
                executed += len(items)
    client.unregister_worker(worker_id)
    if executed != repetitions * steps:
        raise SystemExit(f"{executed} steps of {shapes[0].name} were executed")
    return usage.per(executed)


def _start(client: Client, shape: Shape) -> None:
    per_start = BATCH if shape.steps_per_run <= BATCH else 1
    for first in range(0, shape.runs, per_start):
        inputs = [shape.input] * min(per_start, shape.runs - first)
        client.start_workflow_runs(shape.flow("loop").slug, inputs)


def _large_runs(bench: Bench, dsn: str) -> Table:
    many = bench.size(10_000, 300)
    shapes = [chain(many, 1), diamond(many, 1), map_of(many, 1)]
    with psycopg.connect(dsn, autocommit=True) as connection, Client(connection) as client:
        for shape in shapes:
            client.register_workflow(shape.document("loop"))
        cases = {shape.name: partial(_live, connection, shape) for shape in shapes}
        medians, rounds = bench.in_rounds(one_by_one(cases))
    return Table(
        "large_runs",
        f"Milliseconds for each call in the life of one run with {many:,} steps or tasks.",
        [Column(call, call, ",.1f") for call in CALLS],
        medians,
        rounds,
    )


def _live(connection: psycopg.Connection[Any], shape: Shape) -> Figures:
    figures: Figures = {}

    def call(name: str, function: str, **arguments: Any) -> Any:
        text = ", ".join(f"{argument} => %({argument})s" for argument in arguments)
        started = time.perf_counter()
        row = connection.execute(f"select stepgres.{function}({text})".encode(), arguments)
        figures[name] = 1000 * (time.perf_counter() - started)
        return row.fetchone()

    slug, run_input = shape.flow("loop").slug, Jsonb(shape.input)
    (run_id,) = call("start", "start_workflow_run", workflow_slug=slug, input=run_input)
    for name in ("pause", "resume", "cancel"):
        call(name, f"{name}_workflow_run", run_id=run_id)
    (run_id,) = call("retry", "retry_failed_workflow", run_id=run_id)
    call("cancel again", "cancel_workflow_run", run_id=run_id)
    return figures
