create function stepgres._into_lanes(shared_queue text, new_tasks stepgres._new_task[])
returns table (pgmq_queue text, seen_at tid, lane jsonb, tasks stepgres._new_task[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with routed as materialized (
        select k.workflow_slug, k.version, k.step_slug, l.pgmq_queue, l.seen_at, l.lane
        from (
            select distinct r.workflow_slug, r.version, n.step_slug
            from unnest(_into_lanes.new_tasks) as n
            join stepgres.runs as r on r.run_id = n.run_id
        ) as k
        cross join lateral (
            select q.pgmq_queue, q.ctid as seen_at, nullif(q.lane, '{}') as lane
            from stepgres.queues as s
            join stepgres.queues as q
                on (q.queue, q.priority, q.resources) = (s.queue, s.priority, s.resources)
            where s.pgmq_queue = _into_lanes.shared_queue
                and q.lane = any (
                    '{}'::jsonb || stepgres._lanes_of(k.workflow_slug, k.version, k.step_slug)
                )
            -- A more specific lane is the greater jsonb value.
            order by q.lane desc
            limit 1
        ) as l
    )
    select o.pgmq_queue, o.seen_at, o.lane,
        array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task)
    from unnest(_into_lanes.new_tasks) as n
    join stepgres.runs as r on r.run_id = n.run_id
    join routed as o
        on (o.workflow_slug, o.version, o.step_slug) = (r.workflow_slug, r.version, n.step_slug)
    group by o.pgmq_queue, o.seen_at, o.lane;
end
$$;

comment on function stepgres._into_lanes(text, stepgres._new_task[]) is
'Groups new tasks of a shared pgmq queue by the pgmq queues that their tickets go to.

A ticket goes to the most specific lane beside the shared queue, or to the shared queue itself.';
