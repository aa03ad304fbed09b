"""A database full of rows that only lie there, by plain inserts: it takes seconds, not hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# Runs of the workflows "order" and "other", which have one step, "a". Every tenth finished run has
# failed, one in 3,000 has a rare tag. The task of a paused run is queued, that of a waiting one has
# a timer.
_STATEMENTS = """
create function public.make_id(kind int, i int) returns uuid language sql immutable
return format('00000000-000%s-7000-8000-%s', kind, to_char(i, 'FM000000000000'))::uuid;

insert into stepgres.runs (
    run_id, workflow_slug, version, status, remaining_ends, inserted_at, finished_at, input,
    output, error, tags
)
select public.make_id(1, i), case when i % 2 = 0 then 'order' else 'other' end, 1,
    case when i % 10 = 0 then 'failed' else 'completed' end, 0,
    now() - interval '1 year' + i * interval '1 s', now() - interval '1 day', '{{}}',
    case when i % 10 <> 0 then 'null'::jsonb end, case when i % 10 = 0 then 'no luck' end,
    case when i % 3000 = 0 then array['rare', 'all'] else array['all'] end
from generate_series(1, {finished}) as i;
insert into stepgres.failed_runs (run_id, workflow_slug, inserted_at)
select r.run_id, r.workflow_slug, r.inserted_at from stepgres.runs as r where r.status = 'failed';
insert into stepgres.runs (
    run_id, workflow_slug, version, remaining_ends, inserted_at, paused_at, input
)
select public.make_id(k.kind, i), 'order', 1, 1, now() - interval '1 year' + i * interval '1 s',
    k.paused_at, '{{}}'
from (values (2, now(), {paused}), (3, null, {waiting})) as k (kind, paused_at, runs)
cross join generate_series(1, k.runs) as i;
insert into stepgres.pauses (run_id, paused_at)
select r.run_id, r.paused_at from stepgres.runs as r where r.paused_at is not null;
insert into stepgres.active_runs (run_id, workflow_slug, inserted_at)
select r.run_id, r.workflow_slug, r.inserted_at from stepgres.runs as r where r.finished_at is null;

insert into stepgres.step_states (
    run_id, step_slug, map, is_direct, is_leaf, is_end, status, remaining_deps,
    initial_tasks, remaining_tasks, started_at, finished_at, output, error
)
select r.run_id, 'a', false, true, true, true, r.status, 0, 1,
    case r.status when 'completed' then 0 else 1 end, r.inserted_at, r.finished_at,
    r.output, r.error
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
insert into stepgres.logs (run_id, step_slug, task_index, attempt, lines, logged_at)
select a.run_id, 'a', 0, 1,
    '[{{"at": "2026-01-01T00:00:00Z", "level": "error", "message": "no luck"}}]', a.failed_at
from stepgres.attempts as a;
"""


def fill(connection: psycopg.Connection[Any], finished: int, paused: int, waiting: int) -> None:
    """Insert so many runs of each kind into a database in which both workflows are defined."""
    numbers = {"finished": finished, "paused": paused, "waiting": waiting}
    literals = {name: sql.Literal(number) for name, number in numbers.items()}
    for statement in _STATEMENTS.split(";\n"):
        connection.execute(sql.SQL(statement).format(**literals))
