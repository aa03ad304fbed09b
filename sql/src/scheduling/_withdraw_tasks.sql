create function stepgres._withdraw_tasks(steps stepgres._step_key[], status text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_tickets record;
begin
    if steps is null then
        return;
    end if;
    for v_tickets in
        -- The tasks are locked first: a worker that does not know a task may be moving its ticket
        -- at this moment.
        with held as (
            select o.run_id, o.step_slug, o.task_index, o.msg_id,
                coalesce(o.lane, q.pgmq_queue) as pgmq_queue, s.child is not null as has_child
            from unnest(_withdraw_tasks.steps) as k
            join stepgres.tasks as o
                on o.run_id = k.run_id and o.step_slug = coalesce(k.step_slug, o.step_slug)
            join stepgres.runs as r on r.run_id = o.run_id
            cross join lateral (
                select def.* from stepgres.steps as def
                where (def.workflow_slug, def.version, def.step_slug)
                    = (r.workflow_slug, r.version, o.step_slug)
                offset 0
            ) as s
            left join stepgres.queues as q
                on (q.queue, q.priority, q.resources, q.lane)
                    = (s.queue, coalesce(r.priority, s.priority), s.resources, '{}')
            where case _withdraw_tasks.status
                when 'queued' then o.status = 'queued' and o.msg_id is not null
                else o.status in ('queued', 'started', 'waiting')
            end
            for no key update of o
        ),
        withdrawn as (
            update stepgres.tasks as t
            set status = _withdraw_tasks.status, msg_id = null, lane = null,
                finished_at = case when _withdraw_tasks.status <> 'queued' then v_now end
            from held as o
            where (t.run_id, t.step_slug, t.task_index) = (o.run_id, o.step_slug, o.task_index)
            returning o.pgmq_queue, o.msg_id, t.run_id, t.step_slug, t.task_index, t.counted_from,
                o.has_child, t.is_limited,
                case when t.counted_from is null then array['task'] else array['task', 'wake'] end
                as timers
        ),
        stopped as (
            delete from stepgres.timers as m
            using withdrawn as w
            where m.run_id = any (array[w.run_id]) and m.kind = any (w.timers)
                and (m.step_slug, m.task_index) = (w.step_slug, w.task_index)
        )
        select
            w.pgmq_queue,
            count(*) as tasks,
            array_agg(w.msg_id) filter (where w.msg_id is not null) as msg_ids,
            array_agg((w.run_id, w.step_slug, w.task_index)::stepgres._task_key)
                filter (where w.counted_from is not null or w.has_child) as waiting,
            array_agg((w.run_id, w.step_slug, w.task_index)::stepgres._task_key)
                filter (where w.is_limited) as limited
        from withdrawn as w
        group by w.pgmq_queue
    loop
        -- A dropped queue holds no tickets.
        if v_tickets.msg_ids is not null
            and to_regclass('pgmq.q_' || v_tickets.pgmq_queue) is not null
        then
            perform pgmq.delete(v_tickets.pgmq_queue, v_tickets.msg_ids);
        end if;
        if status = 'cancelled' and stepgres._is_counting() then
            insert into stepgres.metric_counts (tasks_cancelled) values (v_tickets.tasks);
        end if;
        if status <> 'queued' and v_tickets.waiting is not null then
            perform stepgres._close_waits_of(v_tickets.waiting);
        end if;
        if status <> 'queued' then
            perform stepgres._leave_lines(v_tickets.limited);
        end if;
    end loop;
end
$$;

comment on function stepgres._withdraw_tasks(stepgres._step_key[], text) is
'Removes the tickets of the unfinished tasks of steps, and sets the tasks to a status.

A step without a slug stands for all steps of its run. With the status cancelled, the tasks are
over. With the status queued, queued tasks keep their status and wait without a ticket.';
