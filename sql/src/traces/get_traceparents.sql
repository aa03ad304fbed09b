create function stepgres.get_traceparents(run_ids uuid[], step_slugs text[]) returns setof text[]
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select p.traceparents
    from unnest(get_traceparents.run_ids, get_traceparents.step_slugs) with ordinality as s (
        run_id, step_slug, place
    )
    left join lateral (
        select r.traceparent || array(
            select t.traceparent
            from (
                select d.depends_on from stepgres.dependencies as d
                where (d.workflow_slug, d.version, d.step_slug)
                    = (r.workflow_slug, r.version, s.step_slug)
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
        ) as traceparents
        from stepgres.runs as r
        where r.run_id = s.run_id and r.traceparent is not null
        offset 0
    ) as p on true
    order by s.place;
end
$$;

comment on function stepgres.get_traceparents(uuid[], text[]) is
'Returns for each step, given by its run_id and slug, the traceparents of its run and of up to 10
tasks on which the step depends.

The first traceparent is the parent of the spans of the step, the others are their links. Of several
steps with many tasks each, the first tasks come first. A step whose run is not traced or unknown
gets null.';
