"""What do open tabs of the dashboard cost, while nothing happens but the heartbeats of a worker?
And what does a scrape of the metrics cost?

A tab is what static/live.js does: it holds the stream of events open, and asks for the content of
its page, with the ETag that it has, when an event says that something has changed.
"""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import psycopg
import uvicorn

from bench.fill import fill
from bench.measure import cpu_seconds, one_by_one, processes, wait_until
from bench.report import Column, Table
from stepgres import AsyncClient, Client, Worker, Workflow, step
from stepgres.web import dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Bench, Figures

_SECONDS = 20.0
_PAUSE = 2.0  # seconds between two requests of a tab: LEAST_PAUSE of live.js
_SCRAPES = 50
_COLUMNS = (
    Column("server", "server, % of a core", ".1f"),
    Column("dashboard", "dashboard, % of a core", ".1f"),
    Column("both", "both, % of a core", ".1f"),
    Column("requests", "requests/s of a tab", ".2f"),
)


class Idle(Workflow):
    """A worker that has nothing to do."""

    @staticmethod
    @step
    def a(input: None) -> None:
        return None


def bench_dashboard(bench: Bench) -> Iterator[Table]:
    finished = bench.size(1_000_000, 2_000)
    with bench.server.database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection, Client(connection) as client:
            for slug in ("order", "other"):
                client.register_workflow({"workflow_slug": slug, "steps": [{"step_slug": "a"}]})
            fill(connection, finished=finished, paused=1_000, waiting=1_000)
            paths = _paths(client)
            connection.execute("vacuum analyze")
        port = _free_port()
        with processes(1, _serve, dsn, port) as served, processes(1, _work, dsn) as workers:
            wait_until(lambda: _is_open(port), "the dashboard", served.check)
            cases = {
                f"{tabs} tabs" if tabs != 1 else "1 tab": partial(
                    _measure, bench, port, served.pids[0], paths, tabs
                )
                for tabs in (1, 50)
            }
            rows, rounds = bench.in_rounds(one_by_one(cases))
            workers.check()
        title = (
            f"Open tabs of the dashboard, of all kinds of pages, with an idle worker and "
            f"{finished:,} finished runs. The worker and its heartbeats are part of the server."
        )
        yield Table("dashboard", title, _COLUMNS, rows, rounds)
        yield _scrapes(bench, dsn)


def _scrapes(bench: Bench, dsn: str) -> Table:
    """What list_metrics costs on a connection that is kept, and on a new one for each call."""
    with bench.server.measure() as new:
        for _ in range(_SCRAPES):
            with Client(dsn) as client:
                client.list_metrics()
    with Client(dsn) as client, bench.server.measure() as kept:
        for _ in range(_SCRAPES):
            client.list_metrics()
    return Table(
        "scrape",
        "A call of list_metrics in the same database. A new connection counts too.",
        [Column("server", "server CPU ms", ".1f"), Column("client", "client CPU ms", ".1f")],
        {
            name: {
                "server": 1000 * usage.server / _SCRAPES,
                "client": 1000 * usage.clients / _SCRAPES,
            }
            for name, usage in {"a connection that is kept": kept, "new connections": new}.items()
        },
    )


def _paths(client: Client) -> list[str]:
    """A path of each kind of page, with something to show."""
    release = {"step_slug": "ship", "approval": {"title": "Ship it?"}}
    client.register_workflow({"workflow_slug": "release", "steps": [release]})
    client.start_workflow_runs("release", [{}] * 100)
    client.create_limit("api", max_running=10)
    client.create_schedule("nightly", "order", cron="@daily")
    client.create_channel("news")
    for number in range(50):
        client.send_with_notify("news", {"number": number})
    graphs = [client.save_task_graph("Build it", [{"id": "a"}, {"id": "b"}]) for _ in range(20)]
    runs = client.list_workflow_runs(limit=3)
    wait_id = client.list_approvals(limit=1)[0].wait_id
    return [
        *("/", "/?status=failed", "/?status=started", "/?workflow_slug=order"),
        *(f"/runs/{run.run_id}" for run in runs),
        f"/runs/{runs[0].run_id}/steps/ship",
        *("/workflows", "/workflows/order", "/workflows/order/versions"),
        "/workflows/order/durations",
        *("/queues", "/queues/default", "/limits", "/limits/api"),
        *("/approvals", f"/approvals/{wait_id}", "/schedules", "/schedules/nightly"),
        *("/goals", f"/goals/{graphs[0].task_graph_id}", "/channels", "/channels/news"),
    ]


def _measure(bench: Bench, port: int, pid: int, paths: list[str], tabs: int) -> Figures:
    seconds = 2.0 if bench.is_quick else _SECONDS
    process = psutil.Process(pid)
    with bench.server.measure() as usage:
        before = cpu_seconds(process)
        requests = asyncio.run(_look(port, paths, tabs, seconds))
        spent = cpu_seconds(process) - before
    return {
        "server": 100 * usage.server / usage.seconds,
        "dashboard": 100 * spent / usage.seconds,
        "both": 100 * (usage.server + spent) / usage.seconds,
        "requests": requests / usage.seconds / tabs,
    }


async def _look(port: int, paths: list[str], tabs: int, seconds: float) -> int:
    """Hold tabs open for some seconds, and return how often they have asked."""
    counts = [0] * tabs
    tasks = [asyncio.create_task(_tab(port, paths[i % len(paths)], counts, i)) for i in range(tabs)]
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(result, asyncio.CancelledError):
            raise SystemExit(f"a tab ended early: {result!r}")
    return sum(counts)


async def _tab(port: int, path: str, counts: list[int], number: int) -> None:
    etag = ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    try:
        while True:
            line = await reader.readline()
            if not line:
                return
            if line.strip() == b"event: changed":
                etag = await _refresh(port, path, etag)
                counts[number] += 1
                await asyncio.sleep(_PAUSE)
    finally:
        writer.close()


async def _refresh(port: int, path: str, etag: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fragment: 1\r\nIf-None-Match: {etag}"
    writer.write(f"{request}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head = answer.partition(b"\r\n\r\n")[0].decode()
    if not head.startswith(("HTTP/1.1 200", "HTTP/1.1 304")):
        raise SystemExit(f"the dashboard answers {head.splitlines()[0]}")
    return next(line[6:] for line in head.splitlines() if line.lower().startswith("etag: "))


def _serve(dsn: str, port: int) -> None:
    app = dashboard(AsyncClient(dsn))
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def _work(dsn: str) -> None:
    with Client(dsn) as client:
        Worker(client, [Idle]).run()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _is_open(port: int) -> bool:
    time.sleep(0.1)
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
