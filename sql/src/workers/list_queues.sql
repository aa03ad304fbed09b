create function stepgres.list_queues(most int default null) returns setof stepgres.queue_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    -- A queue has a pgmq queue for each priority and set of resources.
    with parts as materialized (
        select q.queue::text, q.priority, q.resources, q.lane, m.messages, m.oldest_at,
            row_number() over (
                partition by q.queue, m.messages > 0
                order by q.priority desc, q.resources, q.lane
            ) as place
        from stepgres.queues as q
        cross join lateral stepgres._count_messages(q.pgmq_queue, list_queues.most) as m
    ),
    counted as (
        select p.queue, sum(p.messages)::bigint as tasks, min(p.oldest_at) as oldest_at,
            to_jsonb(array_agg(
                jsonb_build_object(
                    'priority', p.priority,
                    'resources', stepgres._without_features(p.resources),
                    'lane', p.lane, 'tasks', p.messages, 'oldest_at', p.oldest_at
                ) order by p.place
            ) filter (where p.messages > 0 and p.place <= 50)) as parts
        from parts as p
        group by p.queue
    )
    select queue, coalesce(c.tasks, 0), c.oldest_at, (
        select count(*) from stepgres.workers as w
        where queue = any (w.queues) and w.heartbeat_at + w.lease > stepgres._now()
    ), p.paused_at, coalesce(c.parts, '[]')
    from counted as c
    full join stepgres.paused_queues as p using (queue)
    order by queue
$$;

comment on function stepgres.list_queues(int) is
'Lists the queues of steps, each with its ready tasks and its live workers.

oldest_at is the time since which the first ready task waits. Tasks of paused runs, and local
tasks that an executor will execute, wait in no queue. paused_at is not null while the queue is
paused: see pause_queue. A paused queue is listed even if nothing else uses it.

With most, at most so many tasks of each part are counted: the call ends soon, however many wait.

Errors: SG014 a negative most.';
