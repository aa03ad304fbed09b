"""What does a transaction that stays open, such as a report or a dump, do to the throughput?

PostgreSQL then keeps all dead rows that are newer than the snapshot of the transaction.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import psycopg

from bench.report import PER_SECOND, SERVER, Column, Table
from bench.shapes import chain
from bench.throughput import PROCESSES, Starter, working

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Bench, Figures, Processes
    from bench.shapes import Kind, Shape

_KIND: Kind = "async"
_SAMPLES = 5


def bench_snapshot(bench: Bench) -> Iterator[Table]:
    held = bench.size(120, 3)
    shape = chain(10, bench.size(300, 10))
    rows: dict[str, Figures] = {}
    with (
        bench.server.database() as dsn,
        working(dsn, [shape], _KIND) as workers,
        Starter(dsn) as starter,
    ):

        def measure(row: str) -> None:
            samples = [_sample(bench, starter, shape, workers) for _ in range(_SAMPLES)]
            rows[row] = {key: median(sample[key] for sample in samples) for key in samples[0]}

        starter.execute(shape, _KIND, workers, shape.runs)
        measure("before")
        with psycopg.connect(dsn) as connection:
            connection.execute("set transaction isolation level repeatable read")
            connection.execute("select 1")
            end = time.monotonic() + held
            while time.monotonic() < end:
                starter.execute(shape, _KIND, workers, shape.runs)
            measure(f"after {held} s of the transaction")
        end = time.monotonic() + bench.size(5, 0)
        while time.monotonic() < end:
            starter.execute(shape, _KIND, workers, shape.runs)
        measure("5 s after its end")
    for figures in rows.values():
        figures["ratio"] = figures["per_second"] / rows["before"]["per_second"]
    yield Table(
        "snapshot",
        f"Chains of 10 with their starts, again and again, in {PROCESSES} worker processes with "
        "async def steps. Server: all its processes.",
        [PER_SECOND, Column("ratio", "ratio", ".2f"), SERVER],
        rows,
    )


def _sample(bench: Bench, starter: Starter, shape: Shape, workers: Processes) -> Figures:
    with bench.server.measure() as usage:
        starter.execute(shape, _KIND, workers, shape.runs)
    return usage.per(shape.runs * shape.steps_per_run)
