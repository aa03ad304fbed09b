create function stepgres._queues_of(worker stepgres.workers)
returns table (pgmq_queue text, priority int)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- tick makes a dropped queue anew
    return query
    select q.pgmq_queue, q.priority::int
    from stepgres.queues as q
    where q.queue = any (worker.queues) and worker.resources @> q.resources
        and not q.is_idle
        and to_regclass('pgmq.q_' || q.pgmq_queue) is not null
        and (
            q.lane = '{}' or worker.knows is null
            or stepgres._reads_lane(worker.knows, q.lane)
        )
    order by q.priority desc, array_position(worker.queues, q.queue);
end
$$;

comment on function stepgres._queues_of(stepgres.workers) is
'Returns the pgmq queues in use that a worker takes from, in the order in which it takes.';
