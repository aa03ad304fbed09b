create function stepgres._gauges() returns table (name text, labels jsonb, value float8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    return query
    with alive as (
        select w.queues, w.slots from stepgres.workers as w where w.heartbeat_at + w.lease > v_now
    )
    select 'stepgres_workers', '{}'::jsonb, count(*)::float8 from alive
    union all
    select 'stepgres_slots', '{}', coalesce(sum(a.slots), 0) from alive as a
    union all
    select v.name, jsonb_build_object('queue', q.queue), v.value
    from (
        -- A queue has a pgmq queue for each priority and set of resources; idle ones are empty.
        select u.queue, coalesce(sum(d.tasks), 0) as tasks, min(d.oldest_at) as oldest_at
        from stepgres.queues as u
        left join lateral stepgres._queue_depth(u.pgmq_queue) as d on not u.is_idle
        group by u.queue
    ) as q
    cross join lateral (
        select count(*) as workers, coalesce(sum(a.slots), 0) as slots
        from alive as a where q.queue = any (a.queues)
    ) as w
    cross join lateral (
        values
        ('stepgres_queue_tasks', q.tasks::float8),
        (
            'stepgres_queue_oldest_seconds',
            greatest(coalesce(extract(epoch from v_now - q.oldest_at), 0), 0)
        ),
        ('stepgres_queue_workers', w.workers),
        ('stepgres_queue_slots', w.slots)
    ) as v (name, value)
    union all
    select 'stepgres_queue_paused_seconds', jsonb_build_object('queue', p.queue),
        greatest(extract(epoch from v_now - p.paused_at), 0)
    from stepgres.paused_queues as p
    union all
    select 'stepgres_tick_age_seconds', '{}', greatest(extract(epoch from v_now - s.swept_at), 0)
    from stepgres.sweeps as s
    union all
    select 'stepgres_schedules_overdue_seconds', '{}',
        greatest(coalesce(extract(epoch from v_now - min(c.wakes_at)), 0), 0)
    from stepgres.schedules as c where c.wakes_at is not null
    union all
    select 'stepgres_counting', '{}', stepgres._are_metrics_on()::int;

    -- Counts have a bound, and read an index that holds nothing else.
    return query
    select 'stepgres_runs_active', '{}'::jsonb, count(*)::float8
    from (select a.run_id from stepgres.active_runs as a limit 10000) as a
    union all
    select 'stepgres_limit_waiting', '{}', count(*)
    from (select e.run_id from stepgres.line_entries as e limit 10000) as e
    union all
    select 'stepgres_failures_unstarted', '{}', count(f.error)
    from (
        -- failures that tick has tried are due later than new ones
        select o.error from stepgres.failure_runs as o
        where o.due_at is not null order by o.due_at desc limit 10000
    ) as f
    union all
    select 'stepgres_waits_open', jsonb_build_object('kind', k.kind), w.waits
    from unnest('{signal,approval,sleep,child}'::text[]) as k (kind)
    cross join lateral (
        select count(*) as waits
        from (
            select o.kind from stepgres.waits as o
            where o.kind = k.kind and o.resolved_at is null limit 10000
        ) as o
    ) as w;
end
$$;

comment on function stepgres._gauges() is
'Measures queues, workers, waits and the age of the last tick, each with a bounded effort.';
