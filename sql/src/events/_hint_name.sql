create function stepgres._hint_name(run_id uuid, workflow_slug text) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        'stepgres_run_' || replace(_hint_name.run_id::text, '-', ''),
        'stepgres_workflow_' || md5(_hint_name.workflow_slug),
        'stepgres_runs'
    )
$$;

comment on function stepgres._hint_name(uuid, text) is
'Returns the name on which PostgreSQL notifies subscribers to a run, a workflow or all runs.

Both arguments are null for all runs.';
