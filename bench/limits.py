"""What does a limit cost a job, and do many keys cost more than few?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bench.measure import one_by_one, ratio
from bench.report import PER_SECOND, SERVER, WAL, Column, Table
from bench.throughput import BATCH
from stepgres import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Bench, Figures

_WITHOUT = "no limit"


def bench_limits(bench: Bench) -> Iterator[Table]:
    jobs = bench.size(10_000, 300)
    uses: dict[str, tuple[dict[str, Any] | None, int]] = {
        _WITHOUT: (None, 1),
        "1 key": ({"limit": "places"}, 1),
        **{
            f"{keys:,} keys": ({"limit": "places", "key": "$"}, keys)
            for keys in (10, bench.size(1_000, 30), jobs)
        },
        "1 key, fair among 1,000": ({"limit": "places", "fair_by": "$"}, 1_000),
        "1 key with a rate": ({"limit": "rate"}, 1),
    }
    with bench.server.database() as dsn, Client(dsn) as client:
        client.create_limit("places", max_running=1_000)
        client.create_limit("rate", rate=1_000_000, per=1, burst=1_000_000)
        cases = {
            name: partial(_execute, bench, client, f"limited_{place}", use, keys, jobs)
            for place, (name, (use, keys)) in enumerate(uses.items())
        }
        rows, rounds = bench.in_rounds(one_by_one(cases))
    for figures in rows.values():
        figures["ratio"] = ratio(figures["server_us"], rows[_WITHOUT]["server_us"])
    yield Table(
        "limits",
        f"{jobs:,} jobs. One process calls work() in a loop, with starts. Server: all its "
        "processes. The ratio is to the server CPU without a limit.",
        [PER_SECOND, SERVER, Column("ratio", "ratio", ".2f"), WAL],
        rows,
        rounds,
    )


def _execute(
    bench: Bench, client: Client, slug: str, use: dict[str, Any] | None, keys: int, jobs: int
) -> Figures:
    step: dict[str, Any] = {"step_slug": "job"}
    if use is not None:
        step["limits"] = [use]
    client.register_workflow({"workflow_slug": slug, "queue": slug, "steps": [step]})
    worker_id = client.register_worker(queues=[slug], lease=600, features=["limits"])
    executed = 0
    with bench.server.measure() as usage:
        for first in range(0, jobs, BATCH):
            client.start_workflow_runs(slug, [i % keys for i in range(first, first + BATCH)])
        results: list[dict[str, Any]] = []
        while items := client.work(worker_id, results, BATCH):
            results = [
                {
                    "run_id": str(item.run_id),
                    "step_slug": item.step_slug,
                    "task_index": item.task_index,
                    "claim": item.claim,
                    "status": "completed",
                }
                for item in items
            ]
            executed += len(items)
    client.unregister_worker(worker_id)
    if executed < jobs:
        raise SystemExit(f"{executed} of {jobs} jobs of {slug} were executed")
    return usage.per(executed)
