"""DBOS: workflows are enqueued 100 in a transaction, and processes work on one queue."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import sqlalchemy
from dbos import DBOS, DBOSClient

from bench.peers.adapters.protocol import CHAIN, URL, Executed, batches, main

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE = "bench"
SQLALCHEMY_URL = URL.replace("postgresql://", "postgresql+psycopg://", 1)


def launch() -> None:
    DBOS(
        config={
            "name": "bench",
            "system_database_url": URL,
            "application_version": "1",
            "executor_id": str(os.getpid()),
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=100, polling_interval_sec=0.05)


def install() -> None:
    launch()
    DBOS.destroy()


def starter(shape: str) -> Callable[[int], None]:
    client = DBOSClient(system_database_url=URL)
    engine = sqlalchemy.create_engine(SQLALCHEMY_URL)
    options = {"queue_name": QUEUE, "workflow_name": shape, "app_version": "1"}

    def start(runs: int) -> None:
        for size in batches(runs):
            with engine.begin() as connection:
                for _ in range(size):
                    client.enqueue_in_transaction(connection, options)

    return start


def work(shape: str, executed: Executed) -> None:
    step = DBOS.step()(executed_step(executed))

    def jobs() -> None:
        executed.add()

    def chain_of_10() -> None:
        for _ in range(CHAIN):
            step()

    DBOS.workflow(name=shape)(jobs if shape == "jobs" else chain_of_10)
    launch()
    threading.Event().wait()


def executed_step(executed: Executed) -> Callable[[], None]:
    def step() -> None:
        executed.add()

    return step


main(install, starter, work)
