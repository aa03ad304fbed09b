"""Whether what lies in the tables makes anything slower, and how long calls for large runs take.

The same is measured in an empty database, then beside a million finished runs, 100,000 paused ones
and 100,000 that wait for a timer; the ratio is what matters.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench.fill import fill
from bench.shapes import step
from stepgres import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

FINISHED = 1_000_000
WAITING = 100_000  # and as many paused ones
MANY = 10_000
_RUNS = 10_000
_CAPACITY = 100
_SAMPLES = 20

_PAGES: dict[str, dict[str, Any]] = {
    "all": {},
    "active": {"status": "started"},
    "completed": {"status": "completed"},
    "failed": {"status": "failed"},
    "of a workflow": {"workflow_slug": "order"},
    "failed of it": {"workflow_slug": "order", "status": "failed"},
    "rare tag": {"tags": ["rare"]},
    "common tag": {"tags": ["all"]},
}


class Scale:
    """One connection, one worker, and its calls by SQL alone."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        client = Client(self.connection)
        for slug in ("order", "other"):
            client.register_workflow({"workflow_slug": slug, "steps": [step("a")]})
        self.client = client

    def measure_speed(self) -> dict[str, float]:
        """Seconds a turn of a worker, a status, a tick take, at the median."""
        self.worker_id = self.client.register_worker(worker_id=f"bench-{uuid4()}")
        self.client.start_workflow_runs("order", [{}] * _RUNS)
        turns: list[float] = []
        results: list[dict[str, object]] = []
        run_ids: list[UUID] = []
        while True:
            started = time.perf_counter()
            items = self.client.work(self.worker_id, results, _CAPACITY)
            turns.append(time.perf_counter() - started)
            if not items:
                break
            run_ids += [item.run_id for item in items]
            results = [
                {
                    "run_id": str(item.run_id),
                    "step_slug": item.step_slug,
                    "task_index": item.task_index,
                    "attempt": item.attempt,
                    "status": "completed",
                    "output": None,
                }
                for item in items
            ]
        return {
            f"work, {_CAPACITY} tasks": median(turns),
            "get_run_status": median(
                seconds(partial(self.client.get_run_status, run_id)) for run_id in run_ids
            ),
            "tick": median(seconds(partial(self.call, "tick")) for _ in range(_SAMPLES)),
        }

    def fill(self) -> None:
        self.prune()
        fill(self.connection, finished=FINISHED, paused=WAITING, waiting=WAITING)
        self.connection.execute("vacuum analyze")

    def measure_pages(self) -> Iterator[tuple[str, float]]:
        """Seconds that the first page of each list takes."""
        for name, filters in _PAGES.items():
            yield (
                name,
                median(
                    seconds(partial(self.call, "list_workflow_runs", **filters)) for _ in range(5)
                ),
            )

    def measure_prune(self) -> float:
        """Seconds for 1,000 of the finished runs."""
        return median(
            seconds(partial(self.call, "prune", older_than="0 s")) for _ in range(_SAMPLES)
        )

    def prune(self) -> None:
        while self.call("prune", older_than="0 s", batch_size=10_000):
            pass

    def measure_large_runs(self) -> Iterator[tuple[str, list[float]]]:
        """Seconds for each call of the life of a run with 10,000 steps, or tasks."""
        shapes = {
            "chain": [step("s0"), *(step(f"s{i}", f"s{i - 1}") for i in range(1, MANY))],
            "wide": [step(f"s{i}") for i in range(MANY)],
            "map": [step("each", map=True), step("sum", "each")],
        }
        for name, steps in shapes.items():
            self.client.register_workflow({"workflow_slug": name, "steps": steps})
            yield name, list(self._live(name))
            self.prune()

    def _live(self, slug: str) -> Iterator[float]:
        arguments = {"workflow_slug": slug, "input": Jsonb(list(range(MANY)))}
        if slug != "map":
            arguments["input"] = Jsonb({})
        run_id = self._timed("start_workflow_run", **arguments)
        yield self.seconds
        for call in ("pause", "resume", "cancel"):
            self._timed(f"{call}_workflow_run", run_id=run_id)
            yield self.seconds
        retried = self._timed("retry_failed_workflow", run_id=run_id)
        yield self.seconds
        self.call("cancel_workflow_run", run_id=retried)

    def _timed(self, function: str, **arguments: Any) -> Any:
        started = time.perf_counter()
        answer = self.call(function, **arguments)
        self.seconds = time.perf_counter() - started
        return answer

    def call(self, function: str, **arguments: Any) -> Any:
        names = ", ".join(f"{name} => %({name})s" for name in arguments)
        query = f"select * from stepgres.{function}({names})"
        row = self.connection.execute(query.encode(), arguments).fetchone()
        return row and row[0]


LIFE = ("start", "pause", "resume", "cancel", "retry")


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
