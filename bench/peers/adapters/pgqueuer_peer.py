"""PgQueuer: jobs are enqueued in batches of 100, and workers dequeue batches of 100."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from bench.peers.adapters.protocol import BATCH, URL, Executed, batches, main

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    async def make() -> None:
        connection = await asyncpg.connect(URL)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    asyncio.run(make())


def starter(shape: str) -> Callable[[int], None]:
    loop = asyncio.new_event_loop()
    queries = Queries(AsyncpgDriver(loop.run_until_complete(asyncpg.connect(URL))))

    def start(runs: int) -> None:
        for size in batches(runs):
            jobs = queries.enqueue([shape] * size, [None] * size, [0] * size)
            loop.run_until_complete(jobs)

    return start


def work(shape: str, executed: Executed) -> None:
    async def job(job: Any) -> None:
        executed.add()

    async def run() -> None:
        queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(URL)))
        queue.entrypoint(shape)(job)
        await queue.run(batch_size=BATCH)

    asyncio.run(run())


main(install, starter, work)
