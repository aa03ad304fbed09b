create function stepgres._queue_tasks(
    tasks stepgres._new_task[], taker stepgres.workers default null, capacity bigint default 0
) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_batch record;
    v_handed tid[];
begin
    -- Each queue gets one send. Without an executor local steps go through their queue too; of a
    -- paused run no step does. A task that another session has claimed since the caller looked is
    -- left alone. offset 0, here and at other lookups of many steps, makes the planner look up each
    -- step by its whole key, instead of by the workflow and then one by one.
    for v_batch in
        select
            d.is_sent,
            d.is_handed,
            s.queue,
            q.pgmq_queue,
            q.ctid as seen_at,
            q.has_lanes,
            q.is_idle,
            m.priority,
            m.resources,
            array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task) as tasks
        from unnest(_queue_tasks.tasks)
            with ordinality as n (run_id, step_slug, task_index, input, place)
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, n.step_slug)
            offset 0
        ) as s
        cross join lateral (
            select o.is_handed, o.is_queued and not o.is_handed as is_sent
            from (
                select p.is_queued, p.is_queued and s.sticky and n.place <= _queue_tasks.capacity
                    and s.queue = any (taker.queues) and taker.resources @> s.resources
                    and stepgres._knows_step(taker.knows, r.workflow_slug, r.version, n.step_slug)
                    as is_handed
                from (
                    select r.paused_at is null
                        and (s.execution = 'distributed' or r.executor_id is null) as is_queued
                ) as p
            ) as o
        ) as d
        left join stepgres.queues as q
            on d.is_sent and (q.queue, q.priority, q.resources, q.lane)
                = (s.queue, coalesce(r.priority, s.priority), s.resources, '{}')
        -- These columns describe a pgmq queue that has to be made.
        left join lateral (
            select coalesce(r.priority, s.priority) as priority, s.resources
            where d.is_sent and q.pgmq_queue is null
        ) as m on true
        group by d.is_sent, d.is_handed, s.queue, q.pgmq_queue, q.ctid, m.priority, m.resources
    loop
        if not v_batch.is_sent then
            with queued as (
                insert into stepgres.tasks as t (run_id, step_slug, task_index, input, queued_at)
                select n.run_id, n.step_slug, n.task_index, n.input, v_now
                from unnest(v_batch.tasks) as n
                on conflict (run_id, step_slug, task_index)
                do update set status = 'queued', queued_at = v_now, msg_id = null, lane = null
                where t.status in ('queued', 'waiting')
                returning t.ctid
            )
            select v_handed || array_agg(k.ctid) into v_handed from queued as k
            where v_batch.is_handed;
            continue;
        end if;
        if v_batch.pgmq_queue is null then
            v_batch.pgmq_queue := stepgres._open_queue(
                v_batch.queue, v_batch.priority, v_batch.resources
            );
        elsif v_batch.is_idle or to_regclass('pgmq.q_' || v_batch.pgmq_queue) is null then
            perform stepgres._open_queue(q.queue, q.priority, q.resources)
            from stepgres.queues as q where q.pgmq_queue = v_batch.pgmq_queue;
        end if;
        if v_batch.has_lanes then
            perform stepgres._send_tickets(l.pgmq_queue, v_batch.queue, l.tasks, l.seen_at, l.lane)
            from stepgres._into_lanes(v_batch.pgmq_queue, v_batch.tasks) as l;
        else
            perform stepgres._send_tickets(
                v_batch.pgmq_queue, v_batch.queue, v_batch.tasks, v_batch.seen_at
            );
        end if;
    end loop;
    return v_handed;
end
$$;

comment on function stepgres._queue_tasks(stepgres._new_task[], stepgres.workers, bigint) is
'Queues new and waiting tasks, and sends the ticket of each in the same statement.

Up to capacity tasks of sticky steps get no ticket. They are returned, and the taker claims them
in this transaction.';
