"""Absurd: tasks are spawned 100 in a transaction, and workers claim 100 at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from absurd_sdk import Absurd
from absurdctl import BUNDLED_SCHEMA_SQL

from bench.peers.adapters.protocol import BATCH, CHAIN, URL, Executed, batches, main

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute(BUNDLED_SCHEMA_SQL)
        Absurd(connection, queue_name="bench").create_queue("bench")


def starter(shape: str) -> Callable[[int], None]:
    connection = psycopg.connect(URL, autocommit=True)
    app = Absurd(connection, queue_name="bench")
    app.register_task(shape)(lambda params, context: None)

    def start(runs: int) -> None:
        for size in batches(runs):
            with connection.transaction():
                for _ in range(size):
                    app.spawn(shape, {})

    return start


def work(shape: str, executed: Executed) -> None:
    app = Absurd(URL, queue_name="bench")

    def job(params: Any, context: Any) -> None:
        executed.add()

    def chain(params: Any, context: Any) -> None:
        for number in range(CHAIN):
            context.step(f"step_{number}", executed.add)

    app.register_task(shape)(job if shape == "jobs" else chain)
    app.start_worker(batch_size=BATCH, poll_interval=0.05)


main(install, starter, work)
