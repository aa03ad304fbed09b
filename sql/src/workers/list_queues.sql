create function stepgres.list_queues(
    most int default null,
    "limit" int default null,
    after text default null,
    queue text default null
) returns setof stepgres.queue_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    with named as materialized (
        select o.queue
        from (
            select q.queue::text from stepgres.queues as q
            union
            select p.queue::text from stepgres.paused_queues as p
        ) as o
        where o.queue > coalesce(list_queues.after, '')
            and o.queue = coalesce(list_queues.queue, o.queue)
        order by o.queue
        limit stepgres._not_negative(list_queues."limit", 'limit')
    ),
    -- A queue has a pgmq queue for each priority and set of resources.
    parts as materialized (
        select n.queue, q.priority, q.resources, q.lane, m.messages, m.oldest_at,
            row_number() over (
                partition by n.queue, m.messages > 0
                order by q.priority desc, q.resources, q.lane
            ) as place
        from named as n
        join stepgres.queues as q on q.queue = n.queue
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
    select n.queue, coalesce(c.tasks, 0), c.oldest_at, (
        select count(*) from stepgres.workers as w
        where n.queue = any (w.queues) and w.heartbeat_at + w.lease > stepgres._now()
    ), p.paused_at, coalesce(c.parts, '[]')
    from named as n
    left join counted as c on c.queue = n.queue
    left join stepgres.paused_queues as p on p.queue = n.queue
    order by n.queue
$$;

comment on function stepgres.list_queues(int, int, text, text) is
'Lists the queues of steps by name, or one queue, each with its ready tasks and its live workers.

oldest_at is the time since which the first ready task waits. Tasks of paused runs, and local
tasks that an executor will execute, wait in no queue. paused_at is not null while the queue is
paused: see pause_queue. A paused queue is listed even if nothing else uses it.

With most, at most so many tasks of each part are counted: the call ends soon, however many wait. To
page, pass a limit, and the queue of the last row as after.

Errors: SG014 a negative most or limit.';
