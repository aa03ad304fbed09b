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
'The name that those are notified on who subscribe to a run, to the runs of a workflow, or (both null) to all runs.';
