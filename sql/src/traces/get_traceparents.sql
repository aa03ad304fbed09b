create function stepgres.get_traceparents(run_id uuid, step_slug text) returns text[]
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select r.traceparent || array(
        select t.traceparent
        from (
            select d.depends_on from stepgres.dependencies as d
            where (d.workflow_slug, d.version, d.step_slug)
                = (r.workflow_slug, r.version, get_traceparents.step_slug)
            offset 0
        ) as d
        cross join lateral (
            select k.traceparent, k.task_index from stepgres.task_traces as k
            where (k.run_id, k.step_slug) = (r.run_id, d.depends_on)
            order by k.task_index
            limit 10
        ) as t
        order by t.task_index, d.depends_on
        limit 10
    )
    from stepgres.runs as r
    where r.run_id = get_traceparents.run_id and r.traceparent is not null
$$;

comment on function stepgres.get_traceparents(uuid, text) is
'Returns the traceparent of a run, and those of up to 10 tasks on which the step depends.

The first is the parent of the spans of the step, the others are their links. Of several steps with
many tasks each, the first tasks come first. Returns null if the run is not traced, or is unknown.';
