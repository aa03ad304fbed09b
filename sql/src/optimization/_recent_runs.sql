create function stepgres._recent_runs(workflow_slug text, last_runs int) returns setof stepgres.runs
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select r.* from stepgres.runs as r
    where r.workflow_slug = _recent_runs.workflow_slug and r.finished_at is not null
    order by r.inserted_at desc
    limit _recent_runs.last_runs
$$;

comment on function stepgres._recent_runs(text, int) is
'Returns the last runs of a workflow that have ended; recommendations are made from them.';
