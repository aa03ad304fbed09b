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
    -- One send a queue. Without an executor local steps go through their queue as well; of a paused run
    -- nothing does. A task that another session has claimed since the caller looked is left alone. offset 0, here
    -- as wherever many steps are looked up: by their whole key, instead of by the workflow and then one by one.
    for v_batch in
        select
            case when d.is_queued and not d.is_handed then q.pgmq_queue end as pgmq_queue,
            q.queue,
            d.is_handed,
            array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task) as tasks,
            array_agg(jsonb_build_object(
                'run_id', n.run_id, 'step_slug', n.step_slug, 'task_index', n.task_index
            )) as tickets
        from unnest(_queue_tasks.tasks) with ordinality as n (run_id, step_slug, task_index, input, place)
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug) = (r.workflow_slug, r.version, n.step_slug) offset 0
        ) as s
        join stepgres.queues as q
            on (q.queue, q.priority, q.resources) = (s.queue, coalesce(r.priority, s.priority), s.resources)
        cross join lateral (
            select o.is_queued, o.is_queued and s.sticky and n.place <= _queue_tasks.capacity
                and s.queue = any (taker.queues) and taker.resources @> s.resources as is_handed
            from (
                select r.paused_at is null and (s.execution = 'distributed' or r.executor_id is null) as is_queued
            ) as o
        ) as d
        group by 1, 2, 3
    loop
        if v_batch.pgmq_queue is null then
            with queued as (
                insert into stepgres.tasks as t (run_id, step_slug, task_index, input, queued_at)
                select n.run_id, n.step_slug, n.task_index, n.input, v_now
                from unnest(v_batch.tasks) as n
                on conflict (run_id, step_slug, task_index)
                do update set status = 'queued', queued_at = v_now, msg_id = null
                where t.status in ('queued', 'waiting')
                returning t.ctid
            )
            select v_handed || array_agg(k.ctid) into v_handed from queued as k where v_batch.is_handed;
        else
            insert into stepgres.tasks as t (run_id, step_slug, task_index, input, queued_at, msg_id)
            select n.run_id, n.step_slug, n.task_index, n.input, v_now, n.msg_id
            from rows from (
                unnest(v_batch.tasks), pgmq.send_batch(v_batch.pgmq_queue, v_batch.tickets)
            ) as n (run_id, step_slug, task_index, input, msg_id)
            on conflict (run_id, step_slug, task_index)
            do update set status = 'queued', queued_at = v_now, msg_id = excluded.msg_id
            where t.status in ('queued', 'waiting');
            perform stepgres._wake_workers(v_batch.queue);
        end if;
    end loop;
    return v_handed;
end
$$;

comment on function stepgres._queue_tasks(stepgres._new_task[], stepgres.workers, bigint) is
'Queues tasks, new ones and such that waited, and sends the ticket of each in the same statement.

Up to capacity tasks of sticky steps get no ticket and are returned, for the taker to claim in this transaction.';
