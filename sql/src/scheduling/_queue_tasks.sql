create function stepgres._queue_tasks(tasks stepgres._new_task[], are_new boolean default true)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_batch record;
begin
    if coalesce(cardinality(tasks), 0) = 0 then
        return;
    end if;
    -- Each queue gets one send, and each step is looked up once. Without an executor local steps go
    -- through their queue too; of a paused run no step does. offset 0, here and at other lookups of
    -- many steps, makes the planner look up each step by its whole key, instead of by the workflow
    -- and then one by one.
    for v_batch in
        with grouped as (
            select r.workflow_slug, r.version, n.step_slug, r.priority,
                r.executor_id is null as has_no_executor, r.paused_at is not null as is_paused,
                array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task)
                    as tasks,
                array_agg(n.place) as places
            from unnest(_queue_tasks.tasks)
                with ordinality as n (run_id, step_slug, task_index, input, place)
            join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
            group by r.workflow_slug, r.version, n.step_slug, r.priority, r.executor_id is null,
                r.paused_at is not null
        )
        select
            d.is_sent,
            d.has_children,
            s.queue,
            q.pgmq_queue,
            q.ctid as seen_at,
            q.has_lanes,
            q.is_idle,
            m.priority,
            m.resources,
            array_agg(
                (n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task order by n.place
            ) as tasks
        from grouped as r
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, r.step_slug)
            offset 0
        ) as s
        cross join lateral (
            select not r.is_paused and s.child is null
                and (s.execution = 'distributed' or r.has_no_executor) as is_sent,
                not r.is_paused and s.child is not null as has_children
        ) as d
        left join stepgres.queues as q
            on d.is_sent and (q.queue, q.priority, q.resources, q.lane)
                = (s.queue, coalesce(r.priority, s.priority), s.resources, '{}')
        -- These columns describe a pgmq queue that has to be made.
        left join lateral (
            select coalesce(r.priority, s.priority) as priority, s.resources
            where d.is_sent and q.pgmq_queue is null
        ) as m on true
        cross join lateral unnest(r.tasks, r.places)
            as n (run_id, step_slug, task_index, input, place)
        group by d.is_sent, d.has_children, s.queue, q.pgmq_queue, q.ctid, m.priority, m.resources
    loop
        if v_batch.has_children then
            perform stepgres._start_child_tasks(v_batch.tasks, _queue_tasks.are_new);
            continue;
        elsif not v_batch.is_sent then
            if are_new then
                insert into stepgres.tasks (run_id, step_slug, task_index, input, queued_at)
                select n.run_id, n.step_slug, n.task_index, n.input, v_now
                from unnest(v_batch.tasks) as n;
            else
                update stepgres.tasks as t
                set status = 'queued', queued_at = v_now, msg_id = null, lane = null
                from unnest(v_batch.tasks) as n
                where (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
                    and t.status in ('queued', 'waiting');
            end if;
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
            perform stepgres._send_tickets(
                l.pgmq_queue, v_batch.queue, l.tasks, _queue_tasks.are_new, l.seen_at, l.lane
            )
            from stepgres._into_lanes(v_batch.pgmq_queue, v_batch.tasks) as l;
        else
            perform stepgres._send_tickets(
                v_batch.pgmq_queue, v_batch.queue, v_batch.tasks, _queue_tasks.are_new,
                v_batch.seen_at
            );
        end if;
    end loop;
end
$$;

comment on function stepgres._queue_tasks(stepgres._new_task[], boolean) is
'Queues tasks, and sends the ticket of each in the same statement; or starts their child runs.

The tasks are new, or (not are_new) they have a row and are queued again.';
