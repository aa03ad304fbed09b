create function stepgres._stands_in_line(run_id uuid) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from stepgres.line_entries as e
        where (e.run_id, e.step_slug, e.task_index) = (_stands_in_line.run_id, '', 0)
    ) or exists (
        select from stepgres.timers as t
        where (t.run_id, t.kind) = (_stands_in_line.run_id, 'let_in')
    )
$$;

comment on function stepgres._stands_in_line(uuid) is
'Says whether a run with limits has not begun: it was not let in, or tick has not started it yet.';
