create function stepgres.list_queues() returns setof stepgres.queue_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    -- A queue has a pgmq queue for each priority and set of resources.
    select q.queue, sum(m.messages)::bigint, min(m.oldest_at), (
        select count(*) from stepgres.workers as w
        where q.queue = any (w.queues) and w.heartbeat_at + w.lease > stepgres._now()
    )
    from stepgres.queues as q
    cross join lateral stepgres._count_messages(q.pgmq_queue) as m
    group by q.queue
    order by q.queue
$$;

comment on function stepgres.list_queues() is
'Lists the queues of steps, each with its ready tasks and its live workers.

oldest_at is the time since which the first ready task waits. Tasks of paused runs, and local
tasks that an executor will execute, wait in no queue.';
