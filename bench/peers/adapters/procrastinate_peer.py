"""Procrastinate: jobs are deferred in batches of 100, and workers have a concurrency of 24."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from procrastinate import App, PsycopgConnector

from bench.peers.adapters.protocol import URL, Executed, batches, main

if TYPE_CHECKING:
    from collections.abc import Callable


def app() -> App:
    return App(connector=PsycopgConnector(conninfo=URL))


def install() -> None:
    async def make() -> None:
        async with app().open_async() as opened:
            await opened.schema_manager.apply_schema_async()

    asyncio.run(make())


def starter(shape: str) -> Callable[[int], None]:
    loop = asyncio.new_event_loop()
    opened = app()
    loop.run_until_complete(opened.open_async())

    def start(runs: int) -> None:
        for size in batches(runs):
            job = opened.configure_task(shape)
            loop.run_until_complete(job.batch_defer_async(*[{}] * size))

    return start


def work(shape: str, executed: Executed) -> None:
    async def job() -> None:
        executed.add()

    async def run() -> None:
        worker = app()
        worker.task(name=shape)(job)
        async with worker.open_async():
            await worker.run_worker_async(concurrency=24)

    asyncio.run(run())


main(install, starter, work)
