"""Whatever lies in the tables, a call reads what it is about, and none of them from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.conftest import Database, Server
from tests.support.engine import Engine, step

EACH = 30_000  # rows of each kind
PAGE = 100

# Finished runs, every tenth failed, every 3,000th with a rare tag; then paused runs, with a queued
# task, and runs that wait for a timer.
_FILL = b"""
create function public.make_id(kind int, i int) returns uuid language sql immutable
return format('00000000-000%s-7000-8000-%s', kind, to_char(i, 'FM000000000000'))::uuid;

insert into stepgres.runs (
    run_id, workflow_slug, version, status, remaining_steps, inserted_at, finished_at, input,
    output, error, tags
)
select public.make_id(1, i), case when i % 2 = 0 then 'order' else 'other' end, 1,
    case when i % 10 = 0 then 'failed' else 'completed' end, 0,
    now() - interval '1 year' + i * interval '1 s', now() - interval '1 day', '{}',
    case when i % 10 <> 0 then 'null'::jsonb end, case when i % 10 = 0 then 'no luck' end,
    case when i % 3000 = 0 then array['rare', 'all'] else array['all'] end
from generate_series(1, EACH) as i;
insert into stepgres.failed_runs (run_id, workflow_slug, inserted_at)
select r.run_id, r.workflow_slug, r.inserted_at from stepgres.runs as r where r.status = 'failed';
insert into stepgres.runs (
    run_id, workflow_slug, version, remaining_steps, inserted_at, paused_at, input
)
select public.make_id(k.kind, i), 'order', 1, 1, now() - interval '1 year' + i * interval '1 s',
    k.paused_at, '{}'
from (values (2, now()), (3, null)) as k (kind, paused_at)
cross join generate_series(1, EACH) as i;
insert into stepgres.pauses (run_id, paused_at)
select r.run_id, r.paused_at from stepgres.runs as r where r.paused_at is not null;
insert into stepgres.active_runs (run_id)
select r.run_id from stepgres.runs as r where r.finished_at is null;

insert into stepgres.step_states (
    run_id, step_slug, map, is_direct, status, remaining_deps, initial_tasks, remaining_tasks,
    started_at, finished_at, output, error
)
select r.run_id, 'a', false, true, r.status, 0, 1, case r.status when 'completed' then 0 else 1 end,
    r.inserted_at, r.finished_at, r.output, r.error
from stepgres.runs as r;
insert into stepgres.tasks (
    run_id, step_slug, task_index, status, attempt, worker_id, queued_at, started_at, finished_at,
    error
)
select r.run_id, 'a', 0, t.status, case when r.finished_at is null then 0 else 1 end, 'w',
    r.inserted_at, r.inserted_at, r.finished_at, r.error
from stepgres.runs as r
cross join lateral (
    select case
        when r.finished_at is not null then r.status
        when r.paused_at is not null then 'queued'
        else 'waiting'
    end as status
) as t;
insert into stepgres.timers (run_id, step_slug, due_at)
select t.run_id, 'a', now() + interval '1 day' from stepgres.tasks as t where t.status = 'waiting';
insert into stepgres.attempts (
    run_id, step_slug, task_index, attempt, worker_id, started_at, failed_at, error
)
select r.run_id, 'a', 0, 1, 'w', r.inserted_at, r.finished_at, r.error
from stepgres.runs as r where r.status = 'failed';
"""


class Sessions:
    """One that has made its plans while the tables were empty, and one that makes them now."""

    def __init__(self, database: Database) -> None:
        self.old = Engine(database.connect())
        for slug in ("order", "other"):
            self.old.define(slug, step("a"))
        for call in CALLS.values():
            call(self.old)
        self.are_analyzed = False
        self.old.drain()
        self.old.connection.execute(_FILL.replace(b"EACH", str(EACH).encode()))
        self.new = Engine(database.connect())


@pytest.fixture(scope="module")
def sessions(server: Server) -> Iterator[Sessions]:
    database = server.create_database("with_stepgres")
    sessions = Sessions(database)
    with closing(sessions.old.connection), closing(sessions.new.connection):
        yield sessions
        assert sessions.new.rows("select * from stepgres.fsck()") == []
    server.drop_database(database)


def work(engine: Engine) -> None:
    run_id = engine.start("order")
    engine.drain()
    assert engine.status(run_id) == ("completed", None)


def live(engine: Engine) -> None:
    run_id = engine.start("order", tags=["live"], deadline="1 hour")
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=run_id)
    engine.call("cancel_workflow_run", run_id=run_id)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    engine.rows("select stepgres.get_run(%s), stepgres.get_run_status(%s)", retried, retried)
    engine.rows("select stepgres.why_stuck(%s)", retried)
    engine.call("cancel_workflow_run", run_id=retried)


CALLS: dict[str, Callable[[Engine], object]] = {
    "work": work,
    "lifecycle": live,
    "tick": lambda engine: engine.call("tick"),
    "next_due": lambda engine: engine.call("next_due"),
    "prune": lambda engine: engine.call("prune", older_than="0 s", batch_size=10),
}
PAGES: dict[str, dict[str, Any]] = {
    "all": {},
    "completed": {"status": "completed"},
    "failed": {"status": "failed"},
    "workflow": {"workflow_slug": "order"},
    "completed of workflow": {"workflow_slug": "order", "status": "completed"},
    "failed of workflow": {"workflow_slug": "order", "status": "failed"},
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
            'runs', 'active_runs', 'failed_runs', 'pauses',
            'step_states', 'tasks', 'attempts', 'timers'
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
            and p.prosrc ~ '_(lock_run|lock_runs|lock_family|take_over|fire_timers)\\M'
        """
    )
    assert {name for name, _ in settings} >= {"work", "tick", "cancel_workflow_run"}
    assert [name for name, values in settings if values != dict(settings)["work"]] == []
