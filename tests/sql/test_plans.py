"""Whatever lies in the tables, a call reads what it is about, and none of them from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from typing_extensions import LiteralString

from bench.fill import fill
from tests.conftest import Clock, Database, Server
from tests.support.engine import Engine, step
from tests.support.goals import reject_graph, save_graph, start_goal

EACH = 30_000  # rows of each kind
PAGE = 100


class Sessions:
    """One that has made its plans while the tables were empty, and one that makes them now."""

    def __init__(self, database: Database) -> None:
        self.old = Engine(database.connect())
        Clock.replace(self.old.connection)  # no sweep is due, however slow the machine is
        for slug in ("order", "other"):
            self.old.define(slug, step("a"))
        for call in CALLS.values():
            call(self.old)
        self.are_analyzed = False
        self.old.drain()
        fill(self.old.connection, finished=EACH, paused=EACH, waiting=EACH)
        # what is known of runs is from a time when none was of a goal
        self.old.connection.execute("analyze stepgres.runs")
        fill_goals(self.old.connection)
        # no call comes upon the search for lost tickets, which reads a slice of the active runs
        self.old.connection.execute(
            "update stepgres.sweeps set swept_at = now() + interval '1 day', position = null"
        )
        self.new = Engine(database.connect())


def fill_goals(connection: psycopg.Connection[Any]) -> None:
    """So many task graphs, each approved once; every finished run is of one of them."""
    graphs: LiteralString = """
        insert into stepgres.task_graphs (
            task_graph_id, goal, status, workflow_slug, defaults, tasks, steps, decomposed_at,
            decided_at
        )
        select 'htdag_' || i, 'x', 'approved', 'order', '{}', '[]', '[]', t, t
        from generate_series(1, %s) as i
        cross join lateral (select now() - interval '1 year' + i * interval '1 s' as t) as t
    """
    connection.execute(graphs, [EACH])
    connection.execute(
        """
        insert into stepgres.task_graph_changes (
            task_graph_id, change_number, status, workflow_slug, changed_at
        )
        select g.task_graph_id, n, case n when 1 then 'decomposed' else 'approved' end, 'order',
            g.decided_at
        from stepgres.task_graphs as g cross join generate_series(1, 2) as n
        where g.task_graph_id ~ '_[0-9]{1,5}$';
        with numbered as (
            select r.run_id, row_number() over () as number
            from stepgres.runs as r where r.finished_at is not null
        )
        update stepgres.runs as r set task_graph_id = 'htdag_' || n.number
        from numbered as n where n.run_id = r.run_id
        """
    )


@pytest.fixture(scope="module")
def sessions(server: Server) -> Iterator[Sessions]:
    with server.database() as database:
        sessions = Sessions(database)
        with closing(sessions.old.connection), closing(sessions.new.connection):
            yield sessions
            assert sessions.new.rows("select * from stepgres.fsck()") == []


def work(engine: Engine) -> None:
    run_id = engine.start("order")
    engine.drain()
    assert engine.status(run_id) == ("completed", None)


def live(engine: Engine) -> None:
    run_id = engine.start("order", tags=["live"], deadline="1 hour")
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=run_id)
    engine.call("wake_workflow_run", run_id=run_id)
    engine.call("cancel_workflow_run", run_id=run_id)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    engine.rows("select stepgres.get_run(%s), stepgres.get_run_status(%s)", retried, retried)
    engine.rows("select stepgres.why_stuck(%s)", retried)
    engine.call("cancel_workflow_run", run_id=retried)


def goal(engine: Engine) -> None:
    graph_id, run_id = start_goal(engine)
    engine.drain()
    events = "select event_type from stepgres.list_run_events(%s)"
    assert engine.rows(events, run_id)[0] == "goal_decomposed"
    assert len(engine.rows("select * from stepgres.list_goal_events(%s)", graph_id)) == 2
    reject_graph(engine, graph_id)
    save_graph(engine, task_graph_id=graph_id)
    recent = "select * from stepgres.list_goal_events(happened_within => '1 h') limit 100"
    assert len(engine.rows(recent)) >= 4


CALLS: dict[str, Callable[[Engine], object]] = {
    "work": work,
    "lifecycle": live,
    "goal": goal,
    "tick": lambda engine: engine.call("tick"),
    "next_due": lambda engine: engine.call("next_due"),
    "prune": lambda engine: engine.call("prune", older_than="0 s", batch_size=10),
}
PAGES: dict[str, dict[str, Any]] = {
    "all": {},
    "completed": {"status": "completed"},
    "failed": {"status": "failed"},
    "active": {"status": "started"},
    "oldest active": {"status": "started", "order_by": ["asc", "inserted_at"]},
    "workflow": {"workflow_slug": "order"},
    "completed of workflow": {"workflow_slug": "order", "status": "completed"},
    "failed of workflow": {"workflow_slug": "order", "status": "failed"},
    "active of workflow": {"workflow_slug": "order", "status": "started"},
    "unknown workflow": {"workflow_slug": "unknown"},
    "rare tag": {"tags": ["rare"]},
    "common tag": {"tags": ["all"]},
    "oldest": {"order_by": ["asc", "inserted_at"]},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("session", ["old", "new"])
def test_call_reads_what_it_is_about(sessions: Sessions, session: str, call: str) -> None:
    with little_is_read(getattr(sessions, session)) as engine:
        CALLS[call](engine)


@pytest.mark.parametrize("call", CALLS)
def test_call_reads_what_it_is_about_when_tables_seem_empty(sessions: Sessions, call: str) -> None:
    """A vacuum that found few rows in many pages: the planner believes that until the next one."""
    with little_is_read(sessions.new) as engine:
        engine.connection.execute(
            """
            update pg_class set reltuples = 0, relpages = pg_relation_size(oid) / 8192
            where relnamespace = 'stepgres'::regnamespace and relname = any (%s)
            """,
            [["active_runs", "timers"]],
        )
        CALLS[call](engine)


def test_sweep_reads_a_slice_of_the_active_runs(sessions: Sessions) -> None:
    engine = sessions.new
    with engine.connection.transaction(force_rollback=True):
        engine.connection.execute("delete from stepgres.sweeps")
        before = reads(engine)
        assert engine.call("tick") == 0
        (slice_end,) = engine.rows("select position is not null from stepgres.sweeps")
        assert slice_end
        scans, rows = (n - m for n, m in zip(reads(engine), before, strict=True))
    assert scans == 0
    assert rows < 10 * 2_000


@pytest.mark.parametrize("session", ["old", "new"])
def test_metrics_read_active_runs_up_to_their_bound(sessions: Sessions, session: str) -> None:
    engine = getattr(sessions, session)
    with engine.connection.transaction():
        before = reads(engine)
        engine.call("list_metrics")
        engine.call("list_throughput")
        scans, rows = (n - m for n, m in zip(reads(engine), before, strict=True))
    assert scans == 0
    assert rows <= 10_000


@pytest.mark.parametrize("page", PAGES)
def test_first_page_reads_little_more_than_a_page(sessions: Sessions, page: str) -> None:
    if not sessions.are_analyzed:
        sessions.new.connection.execute("analyze")
        sessions.are_analyzed = True
    with little_is_read(sessions.new) as engine:
        engine.call("list_workflow_runs", **PAGES[page])


@contextmanager
def little_is_read(engine: Engine) -> Iterator[Engine]:
    with engine.connection.transaction():
        before = reads(engine)
        yield engine
        scans, rows = (n - m for n, m in zip(reads(engine), before, strict=True))
    assert scans == 0
    assert rows < 20 * PAGE


def reads(engine: Engine) -> tuple[int, int]:
    """Sequential scans of tables that grow, and rows read from them, by this transaction."""
    query = """
        select sum(seq_scan)::int, sum(seq_tup_read + idx_tup_fetch)::int
        from pg_stat_xact_user_tables
        where schemaname = 'stepgres' and relname in (
            'runs', 'active_runs', 'failed_runs', 'pauses', 'wakes', 'waits',
            'step_states', 'tasks', 'attempts', 'timers', 'task_graphs', 'task_graph_changes'
        )
    """
    ((scans, rows),) = engine.connection.execute(query).fetchall()
    return scans, rows


def test_functions_that_share_plans_are_planned_alike(engine: Engine) -> None:
    """Whoever calls a function first in a session makes its plan for all others."""
    settings = engine.rows(
        """
        select p.proname, array(
            select s from unnest(p.proconfig) as s where s !~ '^search_path'
        )
        from pg_proc as p
        where p.pronamespace = 'stepgres'::regnamespace and p.proname !~ '^_'
            and p.prosrc ~ '_(lock_(run|famil|retried)|(pause|resume)_famil|take_over|fire_timers)'
        """
    )
    assert {name for name, _ in settings} >= {"work", "tick", "cancel_workflow_run"}
    assert [name for name, values in settings if values != dict(settings)["work"]] == []
