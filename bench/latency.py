"""How soon does something happen, and how many round trips and commits does it take?

The cost of one call, of one hop in a chain, of waking an idle worker, of delivering a message.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import random
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from bench.measure import one_by_one, processes, wait_for_runs, wait_for_workers
from bench.proxy import Proxy
from bench.report import Column, Table
from bench.shapes import chain, jobs
from bench.throughput import KINDS, NAMES, Starter, working
from stepgres import AsyncClient, AsyncExecutor, Client, Executor, Worker, Workflow, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection
    from uuid import UUID

    from bench.measure import Bench, Figures, Processes
    from bench.shapes import Kind, Shape

    Call = Callable[[], object]

_LINKS = 50
_GAP = (0.02, 0.06)  # seconds between two starts or messages
_WARM_UP = 6  # calls; statements are prepared the sixth time
_COUNTED = 5  # calls through the proxy
_CHANNEL = "bench"
_MS = (Column("p50", "p50 ms", ".2f"), Column("p99", "p99 ms", ".2f"))
ONE_ROW = "insert of one row"
IN_COMMITS = Column("p50_of_base", "in such inserts", ".1f")
ROUND_TRIPS = Column("round_trips", "round trips", ".1f")
COMMITS = Column("commits", "commits", ".1f")

_HOPS = """
    select extract(epoch from h.pause)::float8
    from (
        select t.started_at - lag(t.started_at) over (partition by t.run_id order by t.started_at)
            as pause
        from stepgres.tasks as t
        where t.run_id = any(%s)
    ) as h
    where h.pause is not null
"""


class WakeUp(Workflow):
    """Its output is when its step began."""

    @staticmethod
    @step
    def begin(input: None) -> float:
        return time.time()


def bench_latency(bench: Bench) -> Iterator[Table]:
    yield _calls(bench)
    yield _hops(bench)
    with bench.server.database() as dsn:
        wake_up = _wake_up(dsn, bench.size(200, 10))
        delivery = _delivery(dsn, bench.size(500, 10))
    yield Table(
        "wake_up",
        "From the commit of a start until the step begins in an idle worker, and from the commit "
        "of a message until a listener has it. Another process starts and sends, at random times.",
        _MS,
        {"a run begins": _percentiles(wake_up), "a message arrives": _percentiles(delivery)},
    )


def _calls(bench: Bench) -> Table:
    makers = {
        ONE_ROW: _insert,
        "start_workflow_run": _start,
        "Executor.execute, 1 step": _execute,
        "AsyncExecutor.execute, 1 step": _execute_async,
    }
    calls = bench.size(100, 3)
    with bench.server.database() as dsn:
        cases = {name: partial(_measure, bench, dsn, make, calls) for name, make in makers.items()}
        medians, rounds = bench.in_rounds(one_by_one(cases), ONE_ROW, ["p50"])
    return Table(
        "calls",
        "One call after the other in one process. Server: all its processes. Client: this process. "
        "Round trips and commits are those of a call.",
        [
            Column("p50", "median ms", ".2f"),
            IN_COMMITS,
            Column("server_ms", "server CPU ms", ".2f"),
            Column("clients_ms", "client CPU ms", ".2f"),
            ROUND_TRIPS,
            COMMITS,
            Column("wal", "WAL B"),
        ],
        medians,
        rounds,
        bars=["p50"],
    )


def _measure(
    bench: Bench, dsn: str, make: Callable[[str], AbstractContextManager[Call]], calls: int
) -> Figures:
    with make(dsn) as call:
        _repeat(call, _WARM_UP)
        with bench.server.measure() as usage:
            times = _repeat(call, calls)
    with Proxy(dsn) as proxy, make(proxy.dsn) as call:
        _repeat(call, _WARM_UP)
        before = proxy.round_trips, proxy.commits
        _repeat(call, _COUNTED)
        round_trips, commits = proxy.round_trips - before[0], proxy.commits - before[1]
    return {
        **_percentiles(sorted(times)),
        "server_ms": 1000 * usage.server / calls,
        "clients_ms": 1000 * usage.clients / calls,
        "round_trips": round_trips / _COUNTED,
        "commits": commits / _COUNTED,
        "wal": usage.wal / calls,
    }


def _repeat(call: Call, times: int) -> list[float]:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


@contextmanager
def _insert(dsn: str) -> Iterator[Call]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table if not exists public.one_row (i int)")
        yield lambda: connection.execute("insert into public.one_row values (1)")


@contextmanager
def _start(dsn: str) -> Iterator[Call]:
    with Client(dsn) as client:
        client.register_workflow(jobs(1).document("sync"))
        yield lambda: client.start_workflow_run("jobs_sync", None)


@contextmanager
def _execute(dsn: str) -> Iterator[Call]:
    with Client(dsn) as client:
        executor = Executor(client)
        flow = jobs(1).flow("sync")
        yield lambda: executor.execute(flow, None)


@contextmanager
def _execute_async(dsn: str) -> Iterator[Call]:
    loop = asyncio.new_event_loop()
    flow = jobs(1).flow("async")
    client = AsyncClient(dsn)
    loop.run_until_complete(client.__aenter__())
    executor = AsyncExecutor(client)
    yield lambda: loop.run_until_complete(executor.execute(flow, None))
    loop.run_until_complete(client.__aexit__(None, None, None))
    loop.close()


def _hops(bench: Bench) -> Table:
    cases: dict[str, Callable[[], Figures]] = {}
    with bench.server.database() as dsn:
        cases[ONE_ROW] = partial(_measure, bench, dsn, _insert, bench.size(100, 3))
        for kind in KINDS:
            cases[f"worker, {NAMES[kind]}"] = partial(_measure_hops, bench, dsn, kind)
        medians, rounds = bench.in_rounds(one_by_one(cases), ONE_ROW, ["p50"])
    return Table(
        "hops",
        f"From the start of a step to the start of the next one, in a chain of {_LINKS} steps that "
        "one idle worker executes. Server: all its processes. Clients: the worker and its parent.",
        [
            _MS[0],
            IN_COMMITS,
            _MS[1],
            Column("server_ms", "server CPU ms", ".2f"),
            Column("clients_ms", "clients CPU ms", ".2f"),
            ROUND_TRIPS,
            COMMITS,
        ],
        medians,
        rounds,
    )


def _measure_hops(bench: Bench, dsn: str, kind: Kind) -> Figures:
    shape = chain(_LINKS, bench.size(10, 2))
    with working(dsn, [shape], kind, workers=1) as workers, Starter(dsn) as starter:
        with bench.server.measure() as usage:
            run_ids = _execute_one_by_one(starter, shape, kind, workers)
        hops = starter.connection.execute(_HOPS, [run_ids]).fetchall()
    with (
        Proxy(dsn) as proxy,
        working(proxy.dsn, [shape], kind, workers=1) as workers,
        Starter(dsn) as starter,
    ):
        before = proxy.round_trips, proxy.commits
        _execute_one_by_one(starter, shape, kind, workers)
        round_trips, commits = proxy.round_trips - before[0], proxy.commits - before[1]
    steps = shape.runs * _LINKS
    return {
        **_percentiles(sorted(seconds for (seconds,) in hops)),
        "server_ms": 1000 * usage.server / steps,
        "clients_ms": 1000 * usage.clients / steps,
        "round_trips": round_trips / steps,
        "commits": commits / steps,
    }


def _execute_one_by_one(
    starter: Starter, shape: Shape, kind: Kind, workers: Processes
) -> list[UUID]:
    run_ids = []
    for _ in range(shape.runs):
        run_ids += starter.start(shape, kind, 1)
        wait_for_runs(starter.connection, run_ids[-1:], workers.check)
    return run_ids


def _wake_up(dsn: str, starts: int) -> list[float]:
    """Seconds from the commit of each start to the first line of its step, in order of size.

    The clock is read before the commit is sent, so its round trip counts too.
    """
    with (
        processes(1, _serve, dsn) as workers,
        psycopg.connect(dsn, autocommit=True) as connection,
        Client(connection) as client,
    ):
        wait_for_workers(connection, 1, workers)
        started = {}
        for _ in range(starts):
            time.sleep(random.uniform(*_GAP))
            with connection.transaction():
                run_id = client.start_workflow_run("wake_up", None)
                committed = time.time()
            started[run_id] = committed
        wait_for_runs(connection, list(started), workers.check)
        return sorted(
            client.get_run(run_id).output - committed for run_id, committed in started.items()
        )


def _serve(dsn: str) -> None:
    with Client(dsn) as client:
        Worker(client, [WakeUp]).run()


def _delivery(dsn: str, messages: int) -> list[float]:
    """Seconds from the commit of each message to its delivery in another process.

    The clock is read before the commit is sent, so its round trip counts too.
    """
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    committed = []
    with (
        processes(1, _listen, dsn, messages, theirs),
        psycopg.connect(dsn, autocommit=True) as connection,
        Client(connection) as client,
    ):
        ours.recv()
        for number in range(messages):
            time.sleep(random.uniform(*_GAP))
            with connection.transaction():
                client.send_with_notify(_CHANNEL, number)
                committed.append(time.time())
        delivered = ours.recv()
    return sorted(after - before for before, after in zip(committed, delivered, strict=True))


def _listen(dsn: str, messages: int, parent: Connection) -> None:
    with Client(dsn) as client, client.listen(_CHANNEL) as listener:
        parent.send("listening")
        delivered = []
        for _ in range(messages):
            next(listener)
            delivered.append(time.time())
    parent.send(delivered)


def _percentiles(seconds: Sequence[float]) -> Figures:
    """The smallest of the sorted times that so many are not above, in milliseconds."""
    return {
        name: 1000 * seconds[math.ceil(share * len(seconds)) - 1]
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
