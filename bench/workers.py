"""What do more workers and a higher concurrency do, and what do idle workers cost?"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.measure import one_by_one
from bench.report import CLIENTS, PER_SECOND, SERVER, Column, Table
from bench.shapes import chain
from bench.throughput import measure_shape, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.measure import Bench, Figures

_WORKERS = (1, 4, 16, 64)
_CONCURRENCY = (16, 64, 256, 1)
_SETTLING = 50  # seconds; turns come every 7.5, and are prepared the sixth time
_IDLE = 60  # seconds


def bench_workers(bench: Bench) -> Iterator[Table]:
    shape = chain(10, bench.size(1_000, 20))
    idle = bench.size(64, 4)
    cases: dict[str, Callable[[], Figures]] = {}
    with bench.server.database() as dsn:
        for workers in _WORKERS[: bench.size(4, 2)]:
            name = "1 worker" if workers == 1 else f"{workers} workers"
            cases[name] = partial(measure_shape, bench, dsn, shape, "async", workers)
        for concurrency in _CONCURRENCY[: bench.size(4, 1)]:
            for kind in ("async", "sync"):
                name = f"2 workers, {kind} steps, concurrency {concurrency}"
                options: dict[str, Any] = {"concurrency": concurrency}
                cases[name] = partial(measure_shape, bench, dsn, shape, kind, **options)
        medians, rounds = bench.in_rounds(one_by_one(cases))
        yield Table(
            "workers",
            "Chains of 10 whose runs were started before. Up to 4 workers have a process each, "
            "more workers share 4 processes. Server: all its processes. Clients: all others.",
            [PER_SECOND, SERVER, CLIENTS],
            medians,
            rounds,
        )
        with working(dsn, [shape], "async", workers=idle):
            time.sleep(bench.size(_SETTLING, 1))
            with bench.server.measure() as usage:
                time.sleep(bench.size(_IDLE, 2))
    seconds = usage.seconds
    yield Table(
        "idle",
        f"The cost of {idle} workers in 4 processes that have nothing to do.",
        [
            Column("server", "server, % of a core", ".2f"),
            Column("clients", "workers, % of a core", ".2f"),
        ],
        {
            f"{idle} idle workers": {
                "server": 100 * usage.server / seconds,
                "clients": 100 * usage.clients / seconds,
            }
        },
    )
