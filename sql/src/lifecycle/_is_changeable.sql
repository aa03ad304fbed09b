create function stepgres._is_changeable(run stepgres.runs, change text) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case change
        when 'cancel' then run.status = 'started'
        when 'pause' then run.status = 'started' and run.paused_at is null
        when 'resume' then run.paused_at is not null
        when 'retry' then run.status = 'failed' and run.depth is null
            and run.payloads_deleted_at is null and not exists (
            select from stepgres.runs as r where r.retried_from = run.run_id
        ) and (run.unique_key is null or not exists (
            select from stepgres.unique_runs as u
            where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
        ))
    end
$$;

comment on function stepgres._is_changeable(stepgres.runs, text) is
'Says whether a run can be cancelled, paused, resumed or retried.

A change of many runs passes over the runs that it cannot apply to.';
