create function stepgres.list_active_runs(
    workflow_slug text default null, started_within interval default '0'
) returns setof uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select a.run_id from stepgres.active_runs as a
    join stepgres.runs as r on r.run_id = a.run_id
    where r.workflow_slug = coalesce(list_active_runs.workflow_slug, r.workflow_slug)
    union
    -- Look into each workflow: its index ends the search at the time.
    select r.run_id from stepgres.workflows as w
    join stepgres.runs as r
        on r.workflow_slug = w.workflow_slug
            and r.inserted_at >= stepgres._ago(list_active_runs.started_within)
    where w.workflow_slug = coalesce(list_active_runs.workflow_slug, w.workflow_slug)
    order by 1
$$;

comment on function stepgres.list_active_runs(text, interval) is
'Returns in order the ids of the runs that have not ended, or that started within started_within.

The runs are the runs of one workflow, or of all workflows if workflow_slug is null. A client that
follows many runs calls this function now and then, to find runs that no notification announced.';
