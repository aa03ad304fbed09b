"""What optimize_workflow does to the time that runs take, after it has seen 20 of them.

Steps sleep as long as real ones would work. Versions of all levels are executed in turn, so that
all of them see the machine at its different speeds; the ratio is that of one round, to the version
as it was defined.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.report import Column, Table
from stepgres import AsyncClient, AsyncExecutor, AsyncWorker, describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from uuid import UUID

    from bench.measure import Bench, Figures

LEVELS = ("basic", "advanced", "aggressive")
WORKERS = 2


@dataclass(frozen=True)
class Graph:
    """A workflow, and how long its steps take; `runs` of it are started at once."""

    slug: str
    seconds: dict[str, float]
    depends_on: dict[str, list[str]] = field(default_factory=dict)
    runs: int = 1
    input: Any = None
    maps: frozenset[str] = frozenset()

    def workflow_steps(self) -> list[tuple[str, Callable[[Any], Awaitable[None]], dict[str, Any]]]:
        return [
            (
                slug,
                partial(_sleep, seconds),
                {
                    "depends_on": self.depends_on.get(slug, []),
                    "map": slug in self.maps,
                    "execution": "distributed",
                },
            )
            for slug, seconds in self.seconds.items()
        ]


async def _sleep(seconds: float, _: Any) -> None:
    await asyncio.sleep(seconds)


def _chain(prefix: str, length: int) -> dict[str, list[str]]:
    return {f"{prefix}{i}": [f"{prefix}{i - 1}"] for i in range(1, length)}


def _layers() -> tuple[dict[str, float], dict[str, list[str]]]:
    """Eight layers of three steps, each after one or two of the layer above."""
    chance = random.Random(1)
    names = [[f"s{layer}_{i}" for i in range(3)] for layer in range(8)]
    depends_on = {
        name: chance.sample(names[layer - 1], chance.randint(1, 2))
        for layer in range(1, 8)
        for name in names[layer]
    }
    seconds = {name: chance.choice([0.02, 0.05, 0.2]) for layer in names for name in layer}
    return seconds, depends_on


def graphs() -> list[Graph]:
    """One on which the first in, first out order is bad, and others, which must not suffer."""
    shorts = {f"short{i}": 0.06 for i in range(14)}
    chain = {f"link{i}": 0.06 for i in range(10)}
    branches = [f"branch{i}" for i in range(20)]
    seconds, depends_on = _layers()
    return [
        Graph("chain_behind_short_steps", {**shorts, **chain}, _chain("link", 10)),
        Graph("two_of_them_at_once", {**shorts, **chain}, _chain("link", 10), runs=2),
        Graph("layers", seconds, depends_on),
        Graph(
            "diamond",
            {"source": 0.02, **dict.fromkeys(branches, 0.02), "join": 0.02},
            {**{branch: ["source"] for branch in branches}, "join": branches},
        ),
        Graph("map", {"each": 0.02}, maps=frozenset(["each"]), input=list(range(40))),
        Graph(
            "short_chains_at_once",
            {f"link{i}": 0.0 for i in range(10)},
            _chain("link", 10),
            runs=50,
        ),
    ]


class _Shared:
    """A map whose tasks share something that serves two at a time, executed in this process."""

    slug = "map_that_shares_something"

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    def workflow_steps(self) -> list[tuple[str, Callable[[Any], Awaitable[None]], dict[str, Any]]]:
        return [("each", self._work, {"map": True})]

    async def _work(self, _: Any) -> None:
        async with self._places:
            await asyncio.sleep(0.3)


def bench_optimizer(bench: Bench) -> Iterator[Table]:
    with bench.server.database() as dsn:
        rows = asyncio.run(_measure_levels(bench, dsn))
    yield Table(
        "optimizer",
        f"Seconds from the start of the runs to their end, with {WORKERS} workers of one step at a "
        "time, and the ratio of each level of optimize_workflow to that.",
        [Column("seconds", "seconds", ".3f"), *(Column(name, name, ".2f") for name in LEVELS)],
        rows,
    )


async def _measure_levels(bench: Bench, dsn: str) -> dict[str, Figures]:
    rows = {}
    recorded, rounds = bench.size(20, 2), bench.size(7, 1)
    async with AsyncClient(dsn) as client:
        every = graphs()[: bench.size(6, 1)]
        async with _workers(client, every):
            for graph in every:
                version = await client.register_workflow(describe(graph).document)
                execute = partial(_execute, client, graph)
                for _ in range(recorded):
                    await execute(version, "none")
                rows[graph.slug] = await _compare(client, graph.slug, version, execute, rounds)
        shared = _Shared()
        version = await client.register_workflow(describe(shared).document)
        for concurrency in (2, 8):
            for _ in range(recorded // 2):
                executor = AsyncExecutor(client, concurrency=concurrency)
                await executor.execute(shared, list(range(8)))
        execute = partial(_execute_here, client)
        rows[shared.slug] = await _compare(client, shared.slug, version, execute, rounds)
    return rows


async def _compare(
    client: AsyncClient,
    slug: str,
    version: int,
    execute: Callable[[int, str], Awaitable[float]],
    rounds: int,
) -> Figures:
    """The seconds of a workflow as it was defined, and the median ratio of each level to that."""
    levels = {"none": version}
    for level in LEVELS:
        levels[level] = await client.optimize_workflow(slug, level)
    # a level that changes nothing more has the version of the one before it, which is measured once
    versions = {version: level for level, version in levels.items()}
    every = [
        {version: await execute(version, level) for version, level in versions.items()}
        for _ in range(rounds)
    ]
    ratios = {level: median(r[levels[level]] / r[version] for r in every) for level in LEVELS}
    return {"seconds": median(r[version] for r in every), **ratios}


async def _execute(client: AsyncClient, graph: Graph, version: int, _: str) -> float:
    """Seconds from the start of the runs to the end of the last."""
    run_ids = [
        await client.start_workflow_run(graph.slug, graph.input, version=version)
        for _ in range(graph.runs)
    ]
    await asyncio.gather(*(client.wait_for_run(run_id) for run_id in run_ids))
    return await _seconds(client, run_ids)


async def _execute_here(client: AsyncClient, _: int, level: str) -> float:
    shared = _Shared()
    await client.optimize_workflow(shared.slug, level)
    executor = AsyncExecutor(client, concurrency=8)
    result = await executor.execute(shared, list(range(8)))
    return await _seconds(client, [result.run_id])


async def _seconds(client: AsyncClient, run_ids: list[UUID]) -> float:
    runs = [await client.get_run(run_id) for run_id in run_ids]
    end = max(run.finished_at for run in runs if run.finished_at)
    return (end - min(run.inserted_at for run in runs)).total_seconds()


@asynccontextmanager
async def _workers(client: AsyncClient, every: list[Graph]) -> AsyncIterator[None]:
    """Two workers that execute one step at a time."""
    workers = [AsyncWorker(client, every, concurrency=1) for _ in range(WORKERS)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)
