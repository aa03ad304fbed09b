create function stepgres._run_is_active(run stepgres.runs, active_run_id uuid) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'run % of workflow "%" is active and has the unique_key "%"',
        active_run_id, run.workflow_slug, run.unique_key
        using errcode = 'SG038', detail = active_run_id,
            hint = 'Wait until that run has ended, or cancel it; a start with if_running "cancel" '
                'does so.';
end
$$;

comment on function stepgres._run_is_active(stepgres.runs, uuid) is
'Raises SG038: an active run has the unique_key of a run that should start.';
