"""Do a million finished runs make anything slower?

The same is measured in an empty database, and in one with a million finished runs, and 100,000
paused ones and 100,000 that wait for a timer.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from bench.fill import fill
from bench.measure import one_by_one, ratio
from bench.report import CLIENTS, PER_SECOND, SERVER, WAL, Column, Table
from bench.shapes import chain
from bench.throughput import KINDS, NAMES, measure_shape
from stepgres import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.measure import Bench, Figures

_SAMPLES = 20
_PAGES: dict[str, dict[str, Any]] = {
    "of all runs": {},
    "of active runs": {"status": "started"},
    "of failed runs": {"status": "failed"},
    "of a workflow": {"workflow_slug": "order"},
    "of a rare tag": {"tags": ["rare"]},
}


def bench_history(bench: Bench) -> Iterator[Table]:
    finished, others = bench.size(1_000_000, 2_000), bench.size(100_000, 200)
    with bench.server.database() as empty, bench.server.database() as full:
        _fill(full, finished, others)
        databases = {"no history": empty, f"{finished:,} finished runs": full}
        yield _steps(bench, databases)
        yield _calls(databases)


def _fill(dsn: str, finished: int, others: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection, Client(connection) as client:
        for slug in ("order", "other"):
            steps = [{"step_slug": "a"}]
            client.register_workflow({"workflow_slug": slug, "steps": steps})
        fill(connection, finished=finished, paused=others, waiting=others)
        connection.execute("vacuum analyze")


def _steps(bench: Bench, databases: dict[str, str]) -> Table:
    shape = chain(10, bench.size(800, 20))
    cases = {
        f"{NAMES[kind]}, {name}": partial(measure_shape, bench, dsn, shape, kind)
        for kind in KINDS
        for name, dsn in databases.items()
    }
    rows, rounds = bench.in_rounds(one_by_one(cases))
    for kind in KINDS:
        without, beside = (rows[f"{NAMES[kind]}, {name}"] for name in databases)
        for figures in (without, beside):
            figures["ratio"] = ratio(figures["server_us"], without["server_us"])
    return Table(
        "history",
        "Chains of 10 in 2 worker processes, in a database without and with history. Server: all "
        "its processes. Clients: all other processes. The ratio is to the server CPU without.",
        [PER_SECOND, SERVER, Column("ratio", "ratio", ".2f"), CLIENTS, WAL],
        rows,
        rounds,
    )


def _calls(databases: dict[str, str]) -> Table:
    rows: dict[str, Figures] = {}
    for name, dsn in databases.items():
        with psycopg.connect(dsn, autocommit=True) as connection, Client(connection) as client:
            run = client.list_workflow_runs(status="completed", limit=1)[0]
            calls: dict[str, Callable[[], object]] = {
                "get_run_status": partial(client.get_run_status, run.run_id),
                "tick": client.tick,
            }
            for page, filters in _PAGES.items():
                calls[f"first page {page}"] = partial(client.list_workflow_runs, **filters)
            for call_name, call in calls.items():
                rows.setdefault(call_name, {})[name] = _milliseconds(call, _SAMPLES)
    for figures in rows.values():
        without, beside = (figures[name] for name in databases)
        figures["ratio"] = beside / without
    return Table(
        "calls_beside_history",
        "Milliseconds for a call, median of some, in a database without and with history. The "
        "pages are full only with history.",
        [*(Column(name, name, ",.2f") for name in databases), Column("ratio", "ratio", ".2f")],
        rows,
    )


def _milliseconds(call: Callable[[], object], samples: int) -> float:
    times = []
    for _ in range(samples):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * median(times)
