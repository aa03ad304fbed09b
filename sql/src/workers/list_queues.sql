create function stepgres.list_queues() returns setof stepgres.queue_info
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue record;
    v_info stepgres.queue_info;
    v_tasks bigint;
    v_oldest_at timestamptz;
begin
    for v_queue in
        select q.queue, array_agg(q.pgmq_queue) as pgmq_queues
        from stepgres.queues as q
        group by q.queue
        order by q.queue
    loop
        v_info := (v_queue.queue, 0, null, (
            select count(*) from stepgres.workers as w
            where v_queue.queue = any (w.queues) and w.heartbeat_at + w.lease > stepgres._now()
        ));
        -- one for each priority and set of resources
        for i in 1 .. cardinality(v_queue.pgmq_queues) loop
            execute format('select count(*), min(enqueued_at) from pgmq.%I', 'q_' || v_queue.pgmq_queues[i])
                into v_tasks, v_oldest_at;
            v_info.tasks := v_info.tasks + v_tasks;
            v_info.oldest_at := least(v_info.oldest_at, v_oldest_at);
        end loop;
        return next v_info;
    end loop;
end
$$;

comment on function stepgres.list_queues() is
'The queues of steps: how many ready tasks wait in each, since when the first one does, and how many live workers take from it.

Tasks of paused runs, and local tasks that an executor will execute, wait in no queue.';
