create function stepgres._stands_in_line(run_id uuid) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from stepgres.line_entries as e
        where (e.run_id, e.step_slug, e.task_index) = (_stands_in_line.run_id, '', 0)
    )
$$;

comment on function stepgres._stands_in_line(uuid) is
'Says whether a run has not been let in yet.';
