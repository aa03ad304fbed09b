"""How soon an idle worker begins with a new run, and what workers cost that have nothing to do."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]
import psycopg

from stepgres import AsyncClient, AsyncWorker, Client, Worker, Workflow, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

CONNECTIONS_OF_WORKER = 3  # for turns, for the heartbeat, for notifications
_GAP = (0.05, 0.1)  # seconds between starts
_SETTLING = 50.0  # seconds; turns come every 7.5, and are prepared the sixth time


class WakeUp(Workflow):
    """Its output is when its step began."""

    @staticmethod
    @step
    def begin(input: None) -> float:
        return time.time()


class Idle(Workflow):
    """Is never started."""

    @staticmethod
    @step
    def nothing(input: None) -> None:
        pass


def measure_wake_up(dsn: str, starts: int) -> list[float]:
    """Seconds from the commit of each start to the first line of its step, in order of size.

    The clock is read before the commit is sent, so its round trip counts too.
    """
    with _processes(1, _serve, dsn), psycopg.connect(dsn, autocommit=True) as connection:
        client = Client(connection)
        _wait_for_workers(connection, 1)
        started = {}
        for _ in range(starts):
            time.sleep(random.uniform(*_GAP))
            with connection.transaction():
                run_id = client.start_workflow_run("wake_up", None)
                committed = time.time()
            started[run_id] = committed
        with Client(dsn) as waiting:
            return sorted(
                waiting.wait_for_run(run_id).output - committed
                for run_id, committed in started.items()
            )


def measure_idle(
    dsn: str, workers: int, processes: int, seconds: float
) -> tuple[float, float] | None:
    """The shares of one core that idle workers take: their processes, and those of the server.

    None if the server has no room for that many workers, or runs on another machine.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        server = _server_process(connection)
        limit = connection.execute("select current_setting('max_connections')::int").fetchone()
        if server is None or limit is None or limit[0] < workers * CONNECTIONS_OF_WORKER + 10:
            return None
        with _processes(processes, _idle, dsn, workers // processes) as pids:
            _wait_for_workers(connection, workers // processes * processes)
            time.sleep(_SETTLING)
            before = _cpu_seconds([psutil.Process(pid) for pid in pids])
            server_before = _cpu_seconds(server.children())
            started = time.perf_counter()
            time.sleep(seconds)
            used = _cpu_seconds([psutil.Process(pid) for pid in pids]) - before
            server_used = _cpu_seconds(server.children()) - server_before
            passed = time.perf_counter() - started
    return used / passed, server_used / passed


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the sorted values that so many are not above."""
    return values[math.ceil(share * len(values)) - 1]


@contextmanager
def _processes(count: int, target: Callable[..., None], *arguments: Any) -> Iterator[list[int]]:
    """Processes that run until the end of the block; their ids."""
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [
        context.Process(target=target, args=arguments, daemon=True) for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        yield [process.pid for process in processes if process.pid]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _serve(dsn: str) -> None:
    with Client(dsn) as client:
        Worker(client, [WakeUp]).run()


def _idle(dsn: str, workers: int) -> None:
    async def work() -> None:
        async with AsyncClient(dsn) as client:
            await AsyncWorker(client, [Idle]).run()

    async def work_together() -> None:
        await asyncio.gather(*(work() for _ in range(workers)))

    asyncio.run(work_together())


def _wait_for_workers(connection: psycopg.Connection[Any], count: int) -> None:
    """Until so many workers are waiting for something to do."""
    query = "select count(*) >= %s from stepgres.workers where is_waiting"
    while connection.execute(query, [count]).fetchone() != (True,):
        time.sleep(0.1)


def _server_process(connection: psycopg.Connection[Any]) -> psutil.Process | None:
    """The process whose children are the server's, if it runs on this machine."""
    if connection.info.host and not connection.info.host.startswith("/"):
        return None
    return psutil.Process(connection.info.backend_pid).parent()


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return float(sum(spent.user + spent.system for spent in times))
