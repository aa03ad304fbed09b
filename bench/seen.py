"""What do metrics and traces cost a step?

Workers execute the same runs with neither, with metrics, which are on by default, and with traces
too: the SDK of OpenTelemetry records the spans of all runs, and an exporter drops them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg

from bench.measure import one_by_one
from bench.report import CLIENTS, SERVER, WAL, Column, Table
from bench.shapes import chain, jobs
from bench.throughput import measure_shape, record_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Bench, Figures, Rows
    from bench.shapes import Shape

_NEITHER, _METRICS, _TRACES = "neither", "metrics", "metrics and traces"


def bench_seen(bench: Bench) -> Iterator[Table]:
    record_spans()  # of the starts
    shapes = [jobs(bench.size(8_000, 40)), chain(10, bench.size(800, 20))]
    with bench.server.database() as dsn:
        cases = {
            f"{shape.name.replace('_', ' ')}, {seen}": partial(_measure, bench, dsn, shape, seen)
            for shape in shapes
            for seen in (_NEITHER, _METRICS, _TRACES)
        }
        rows, rounds = bench.in_rounds(partial(_with_ratios, cases))
    yield Table(
        "seen",
        "Two worker processes with default settings execute runs of async def steps that were "
        "started before. Server: all its processes. Clients: all others. The ratio is to the "
        "processor time of both with neither, in the same round.",
        [SERVER, CLIENTS, Column("ratio", "ratio of both", ".2f"), WAL],
        rows,
        rounds,
    )


def _with_ratios(cases: dict[str, partial[Figures]]) -> Rows:
    rows = one_by_one(cases)()
    for name, figures in rows.items():
        unit = rows[f"{name.partition(', ')[0]}, {_NEITHER}"]
        figures["ratio"] = _both(figures) / _both(unit)
    return rows


def _both(figures: Figures) -> float:
    return figures["server_us"] + figures["clients_us"]


def _measure(bench: Bench, dsn: str, shape: Shape, seen: str) -> Figures:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select stepgres.switch_metrics(%s)", [seen != _NEITHER])
    return measure_shape(bench, dsn, shape, "async", traces=seen == _TRACES)
