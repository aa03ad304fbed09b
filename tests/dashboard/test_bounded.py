"""Whatever lies in the tables, a page reads little more than it shows, and no table to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from bench.fill import fill
from stepgres import AsyncClient
from stepgres._dashboard.pages import PAGES, queues, runs, workflows
from stepgres.web import dashboard
from tests.conftest import Server
from tests.support.engine import Engine, step
from tests.support.goals import approve_graph, save_graph

EACH = 30_000  # runs of each kind
_READS = """
    select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int
    from pg_stat_xact_user_tables
    where schemaname = 'stepgres' and relname in (
        'runs', 'active_runs', 'failed_runs', 'step_states', 'tasks', 'attempts', 'timers',
        'waits', 'signals', 'checkpoints', 'task_graphs', 'task_graph_changes', 'schedule_runs',
        'logs', 'task_progress', 'decisions', 'workflows', 'workflow_versions', 'steps', 'schedules'
    )
"""


@pytest.fixture(scope="module")
def full(server: Server) -> Iterator[tuple[str, dict[str, Any]]]:
    """The DSN of a database with many runs, and a run, an approval and a goal in it."""
    with server.database() as database:
        with database.connect() as connection:
            engine = Engine(connection)
            for slug in ("order", "other"):
                engine.define(slug, step("a"))
            fill(connection, finished=EACH, paused=EACH, waiting=EACH)
            run_id = engine.start("order", {"x": 1}, tags=["rare"])
            engine.define("release", step("ship", approval={"title": "Ship it?"}))
            engine.call("start_workflow_run", workflow_slug="release", input=Jsonb({}))
            wait_id = engine.rows("select max(wait_id) from stepgres.waits")[0]
            graphs = [save_graph(engine) for _ in range(2 * EACH // 100)]
            approve_graph(engine, graphs[0])
            engine.call("create_limit", limit_slug="api", max_running=1)
            engine.call(
                "create_schedule", schedule_slug="nightly", workflow_slug="order", cron="@daily"
            )
            engine.call("create_channel", channel="news")
            connection.execute("analyze")
        yield database.dsn, {"run_id": run_id, "wait_id": wait_id, "graph_id": graphs[0]}


def reads_of(dsn: str, path: str) -> tuple[int, httpx.Response]:
    """The rows that a page reads, in a transaction of its own, also those that it passes over."""

    async def look() -> tuple[int, httpx.Response]:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            app = dashboard(AsyncClient(connection))
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as browser:
                answer = await browser.get(path)
            row: Any = await (await connection.execute(_READS)).fetchone()
            return row[0], answer

    return asyncio.run(look())


# The path of each page, with the rows that it may read. The counts of the page Runs are shared by
# all tabs for some seconds, and end at a limit for each of three statuses.
_MOST_COUNTED = 500
_OF_WORKERS = 100 + 3 * _MOST_COUNTED
_COUNTED = 500 + 4 * 3 * _MOST_COUNTED
_ACTIVE = 500 + 4 * _MOST_COUNTED  # active runs are counted up to a limit too
PATHS: dict[str, list[tuple[str, int]]] = {
    "/": [
        ("/", _COUNTED),
        ("/?status=failed", _COUNTED),
        ("/?status=started&workflow_slug=order", _COUNTED),
        ("/?status=completed&workflow_slug=other", _COUNTED),
        ("/?tag=rare", _COUNTED),
        ("/?since=400d&until=300d", _COUNTED),
        ("/?after={run_id}", _COUNTED),
    ],
    "/runs/{run_id}": [("/runs/{run_id}", 500)],
    "/runs/{run_id}/steps/{step_slug}": [("/runs/{run_id}/steps/a", 500)],
    "/runs/bulk/{method}": [("/runs/bulk/pause_runs?run_id={run_id}", 100)],
    "/workflows": [("/workflows", _ACTIVE), ("/workflows?search=oth", _ACTIVE)],
    "/workflows/{workflow_slug}": [("/workflows/order", _ACTIVE)],
    # counts the active runs of each version
    "/workflows/{workflow_slug}/versions": [("/workflows/order/versions", 3 * 2 * EACH)],
    # reads the last 1,000 ended runs five times, and passes over active runs that are newer; at
    # most once a minute
    "/workflows/{workflow_slug}/durations": [
        ("/workflows/order/durations?level=aggressive", 5 * 2 * EACH + 20_000)
    ],
    "/approvals": [("/approvals", 500), ("/approvals?workflow_slug=release", 500)],
    "/approvals/{wait_id}": [
        ("/approvals/{wait_id}", 100),
        ("/approvals/{wait_id}?assignee=ann", 100),
    ],
    "/goals": [("/goals", 100), ("/goals?status=approved", 100), ("/goals?after={graph_id}", 100)],
    "/goals/{task_graph_id}": [("/goals/{graph_id}", 100)],
    "/queues": [("/queues", _OF_WORKERS)],
    "/queues/{queue}": [("/queues/default", _OF_WORKERS)],
    "/workers/{worker_id:path}": [("/workers/worker", _OF_WORKERS)],
    "/schedules": [("/schedules", 100)],
    "/schedules/{schedule_slug}": [("/schedules/nightly", 100)],
    "/schedules/{schedule_slug}/backfill": [("/schedules/nightly/backfill?since=9d", 100)],
    "/limits": [("/limits", 100)],
    "/limits/{limit_slug}": [("/limits/api", 100)],
    "/channels": [("/channels", 100)],
    "/channels/{channel:path}": [("/channels/news", 100)],
}


def test_each_page_is_tested() -> None:
    assert set(PATHS) == {page.path for page in PAGES}


@pytest.mark.parametrize(("path", "most"), [pair for pairs in PATHS.values() for pair in pairs])
def test_page_reads_little(
    full: tuple[str, dict[str, Any]], path: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn, names = full
    for module in (runs, workflows):
        monkeypatch.setattr(module, "_MOST_COUNTED", _MOST_COUNTED)
    monkeypatch.setattr(queues, "_MOST_RUNS", _MOST_COUNTED)
    rows, answer = reads_of(dsn, path.format(**names))
    assert answer.status_code == 200, answer.text
    assert rows < most


def test_preview_of_all_runs_ends_at_its_limit(full: tuple[str, dict[str, Any]]) -> None:
    """Each of its ten batches may read the active runs, and none reads the ended runs."""
    dsn, _ = full
    rows, answer = reads_of(dsn, "/runs/bulk/cancel_runs?status=started")
    assert "Cancel 10,000+ runs" in answer.text
    assert rows < 10 * 2 * EACH
