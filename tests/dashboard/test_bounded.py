"""With a million runs a page reads little more than it shows, and no table from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

import stepgres
from bench.fill import fill
from stepgres import AsyncClient
from stepgres._dashboard.api import READS
from stepgres._dashboard.pages import PAGES
from stepgres.web import dashboard
from tests.conftest import Server
from tests.support.engine import Engine, step
from tests.support.goals import approve_graph, save_graph
from tests.support.plans import LARGE, ROWS_READ, SETTINGS, Plans

ENDED = 1_000_000
EACH = 2_500  # of four kinds of active runs: paused, with a timer, queued, waiting for an approval
ACTIVE = 4 * EACH + 1
GRAPHS = 20_000
_REQUESTS = 7  # from the sixth one on, a session may use plans that do not depend on the arguments


@dataclass(frozen=True)
class Full:
    """A database with many rows, the names of some of them, and its tables that grow with runs."""

    dsn: str
    names: dict[str, Any]
    large: dict[int, str]


@pytest.fixture(scope="module")
def full(server: Server) -> Iterator[Full]:
    with server.database("template0") as database:  # without the guards, which take a minute
        stepgres.install(database.dsn)
        with database.connect() as connection:
            engine = Engine(connection)
            for slug in ("order", "other"):
                engine.define(slug, step("a"))
            engine.define("release", step("ship", approval={"title": "Ship it?"}))
            for table in ("runs", "step_states", "tasks"):  # less memory, and less time
                change = f"alter table stepgres.{table} set (fillfactor = 100), set unlogged"
                connection.execute(change.encode())
            fill(connection, finished=ENDED, paused=EACH, waiting=EACH)
            _fill_waits(connection)
            for slug in ("order", "release"):
                start = {"workflow_slug": slug, "inputs": Jsonb([{}] * EACH)}
                engine.call("start_workflow_runs", **start)
            run_id = engine.start("order", {"x": 1}, tags=["rare"])
            engine.call("create_limit", limit_slug="api", max_running=1)
            engine.call("create_channel", channel="news")
            names = {
                "run_id": run_id,
                "wait_id": engine.rows("select max(wait_id) from stepgres.waits")[0],
                "graph_id": _fill_graphs(engine),
            }
            _fill_schedule(engine)
            connection.execute("analyze")
            large = dict(connection.execute(LARGE, [EACH]).fetchall())
        yield Full(database.dsn, names, large)


def _fill_graphs(engine: Engine) -> str:
    graph_id = save_graph(engine)
    approve_graph(engine, graph_id)
    engine.connection.execute(
        """
        insert into stepgres.task_graphs (
            task_graph_id, goal, status, workflow_slug, defaults, tasks, steps, decomposed_at,
            decided_at
        )
        select 'htdag_' || i, g.goal, g.status, g.workflow_slug, g.defaults, g.tasks, g.steps,
            g.decomposed_at - i * interval '1 s', g.decided_at
        from stepgres.task_graphs as g cross join generate_series(1, %s) as i
        """,
        [GRAPHS],
    )
    return graph_id


def _fill_schedule(engine: Engine) -> None:
    """A schedule with a due time for each failed run."""
    schedule = {"schedule_slug": "nightly", "workflow_slug": "order", "cron": "@daily"}
    engine.call("create_schedule", **schedule)
    engine.connection.execute(
        """
        insert into stepgres.schedule_runs (
            schedule_slug, due_at, outcome, kind, run_id, settled_at
        )
        select 'nightly', f.inserted_at, 'started', 'due', f.run_id, f.inserted_at
        from stepgres.failed_runs as f
        """
    )


def _fill_waits(connection: psycopg.Connection[Any]) -> None:
    """Approvals that are decided, and older than the open ones: as many as runs have failed."""
    connection.execute(
        """
        insert into stepgres.waits (
            run_id, workflow_slug, step_slug, kind, approval, opened_at, resolved_at, outcome,
            payload
        )
        select f.run_id, 'release', 'ship', 'approval', '{"title": "Ship it?"}', f.inserted_at,
            f.inserted_at, 'approved', '{}'
        from stepgres.failed_runs as f
        """
    )


def look(full: Full, path: str) -> tuple[int, set[str], httpx.Response]:
    """Request a path again and again. Return the rows that a request reads, at most, and the tables
    that a plan reads from end to end."""

    async def requests() -> tuple[int, Plans, httpx.Response]:
        async with await psycopg.AsyncConnection.connect(full.dsn) as connection:
            await connection.execute(SETTINGS)
            plans = Plans().of(connection)
            app = dashboard(AsyncClient(connection))
            transport = httpx.ASGITransport(app)
            most, before = 0, 0
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as browser:
                for _ in range(_REQUESTS):
                    app.state.live.forget()
                    answer = await browser.get(path)
                    row: Any = await (await connection.execute(ROWS_READ)).fetchone()
                    most, before = max(most, row[0] - before), row[0]
            return most, plans, answer

    most, plans, answer = asyncio.run(requests())
    assert plans.seen > 0
    return most, {full.large[table] for table in plans.scanned & full.large.keys()}, answer


# The path of each page and of each list of the API, with the rows that it may read. Counts end at
# 10,000 runs of a status; pages share them for some seconds. Rows of runs are read for each.
_ACTIVE = 500 + 2 * 10_000
_COUNTED = 3 * _ACTIVE
_OF_WORKERS = 500 + 3 * ACTIVE  # active runs, their tasks, and the tickets
# Statistics read the last 1,000 ended runs, and pass over active runs that are newer. At most once
# a minute a page does so five times.
_RECENT = 4 * 1_000 + ACTIVE
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
    "/workflows/{workflow_slug}/versions": [("/workflows/order/versions", _ACTIVE)],
    "/workflows/{workflow_slug}/durations": [
        ("/workflows/order/durations?level=aggressive", 5 * _RECENT)
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
    "/schedules/{schedule_slug}": [("/schedules/nightly", 1_200)],
    "/schedules/{schedule_slug}/backfill": [("/schedules/nightly/backfill?since=9d", 100)],
    "/limits": [("/limits", 100)],
    "/limits/{limit_slug}": [("/limits/api", 100)],
    "/channels": [("/channels", 100)],
    "/channels/{channel:path}": [("/channels/news", 100)],
    "/api/count_runs": [("/api/count_runs?most=10000", _COUNTED)],
    "/api/critical_path": [("/api/critical_path?run_id={run_id}", 100)],
    # counts all task graphs and their runs
    "/api/get_composition_stats": [],
    "/api/get_flow": [("/api/get_flow?workflow_id=order", 100)],
    "/api/get_payload": [("/api/get_payload?run_id={run_id}", 100)],
    "/api/get_run": [("/api/get_run?run_id={run_id}", 100)],
    "/api/get_run_status": [("/api/get_run_status?run_id={run_id}", 100)],
    "/api/get_run_tree": [("/api/get_run_tree?run_id={run_id}", 100)],
    "/api/get_schedule": [("/api/get_schedule?schedule_slug=nightly", 1_200)],
    "/api/get_search_end": [("/api/get_search_end?status=failed", 21_000)],
    "/api/get_task_graph": [("/api/get_task_graph?task_graph_id={graph_id}", 100)],
    "/api/list_approvals": [("/api/list_approvals", 500)],
    "/api/list_channels": [("/api/list_channels", 100)],
    "/api/list_checkpoints": [("/api/list_checkpoints?run_id={run_id}&step_slug=a", 100)],
    "/api/list_flows": [("/api/list_flows", 100)],
    "/api/list_goal_events": [
        ("/api/list_goal_events?task_graph_id={graph_id}", 100),
        ("/api/list_goal_events?happened_within=60", 100),
    ],
    "/api/list_limit_keys": [("/api/list_limit_keys?limit_slug=api", 100)],
    "/api/list_limits": [("/api/list_limits", 100)],
    "/api/list_logs": [
        ("/api/list_logs?run_id={run_id}", 100),
        ("/api/list_logs?run_id={run_id}&newest=true", 100),
    ],
    # counts up to 10,000 active runs
    "/api/list_metrics": [("/api/list_metrics", 20_000)],
    "/api/list_queues": [("/api/list_queues?most=10000", _OF_WORKERS)],
    "/api/list_run_events": [("/api/list_run_events?run_id={run_id}", 100)],
    "/api/list_schedules": [("/api/list_schedules", 100)],
    "/api/list_signals": [("/api/list_signals?run_id={run_id}", 100)],
    "/api/list_step_times": [("/api/list_step_times?run_id={run_id}", 100)],
    "/api/list_task_graphs": [("/api/list_task_graphs", 500)],
    "/api/list_throughput": [("/api/list_throughput", 500)],
    "/api/list_waits": [
        ("/api/list_waits?kind=approval&limit=50", 100),
        ("/api/list_waits?run_id={run_id}&include_resolved=true", 100),
    ],
    "/api/list_workers": [("/api/list_workers", _OF_WORKERS)],
    "/api/list_workflow_runs": [
        ("/api/list_workflow_runs", 1_000),
        ("/api/list_workflow_runs?status=started&after={run_id}", 1_000),
        # a search looks at 10,000 runs
        ("/api/list_workflow_runs?search=luck", 30_000),
    ],
    "/api/list_workflow_versions": [
        ("/api/list_workflow_versions?workflow_slug=order&most=10000", _ACTIVE)
    ],
    "/api/message_history": [("/api/message_history?channel=news", 100)],
    "/api/preview_schedule": [("/api/preview_schedule?cron_or_slug=nightly", 100)],
    "/api/recommend": [("/api/recommend?workflow_slug=order&level=aggressive", 5 * _RECENT)],
    "/api/step_statistics": [("/api/step_statistics?workflow_slug=order", _RECENT)],
    "/api/version": [("/api/version", 100)],
    "/api/why_stuck": [("/api/why_stuck?run_id={run_id}", 100)],
}


def test_each_page_and_list_is_tested() -> None:
    assert set(PATHS) == {page.path for page in PAGES} | {f"/api/{name}" for name in READS}


@pytest.mark.parametrize(("path", "most"), [pair for pairs in PATHS.values() for pair in pairs])
def test_page_reads_little(full: Full, path: str, most: int) -> None:
    rows, scanned, answer = look(full, path.format(**full.names))
    assert answer.status_code == 200, answer.text
    assert scanned == set()
    assert rows < most


def test_plan_that_reads_all_runs_is_seen(full: Full) -> None:
    """The statement is in a function, and counts each run."""
    rows, scanned, answer = look(full, "/api/count_runs")
    assert answer.status_code == 200, answer.text
    assert "runs" in scanned
    assert rows > ENDED / 10  # other processes may read the rest


def test_preview_of_all_runs_ends_at_its_limit(full: Full) -> None:
    """Each of its ten batches may read the active runs, and none reads the ended runs."""
    rows, _, answer = look(full, "/runs/bulk/cancel_runs?status=started")
    assert "Cancel 10,000+ runs" in answer.text
    assert rows < 10 * 2 * ACTIVE
