create function stepgres._queue_tasks(tasks stepgres._new_task[], are_new boolean default true)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch record;
begin
    if coalesce(cardinality(tasks), 0) = 0 then
        return;
    end if;
    -- Each queue gets one send, and each step is looked up once. Steps of a paused run, or of a run
    -- that stands in a line itself, get no ticket. offset 0, here and at other lookups of many
    -- steps, makes the planner look up each step by its whole key, instead of by the workflow and
    -- then one by one.
    for v_batch in
        with grouped as (
            select r.workflow_slug, r.version, n.step_slug, r.priority,
                r.executor_id, o.is_paused,
                array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task)
                    as tasks,
                array_agg(n.place) as places
            from unnest(_queue_tasks.tasks)
                with ordinality as n (run_id, step_slug, task_index, input, place)
            join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
            cross join lateral (
                select r.paused_at is not null
                    or (coalesce(r.is_limited, false) and stepgres._stands_in_line(r.run_id))
                    as is_paused
            ) as o
            group by r.workflow_slug, r.version, n.step_slug, r.priority, r.executor_id, o.is_paused
        )
        select
            q.queue,
            q.priority,
            s.resources,
            q.starts_children,
            q.is_limited,
            array_agg(
                (n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task order by n.place
            ) as tasks
        from grouped as r
        cross join lateral (
            select def.priority, def.execution, def.durable, def.queue, def.resources, def.limits,
                def.child
            from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, r.step_slug)
            offset 0
        ) as s
        cross join lateral (
            select coalesce(r.priority, s.priority) as priority,
                not r.is_paused and s.limits is not null as is_limited,
                not r.is_paused and s.child is not null as starts_children,
                case
                    when not r.is_paused and s.child is null
                        and stepgres._needs_ticket(s.execution, s.durable, r.executor_id)
                        then s.queue
                end as queue
        ) as q
        cross join lateral unnest(r.tasks, r.places)
            as n (run_id, step_slug, task_index, input, place)
        group by q.queue, q.priority, s.resources, q.starts_children, q.is_limited
    loop
        if v_batch.starts_children then
            perform stepgres._start_child_tasks(v_batch.tasks, _queue_tasks.are_new);
        elsif v_batch.is_limited then
            perform stepgres._stand_in_line(v_batch.tasks, v_batch.queue, _queue_tasks.are_new);
        else
            perform stepgres._queue_batch(
                v_batch.tasks, v_batch.queue, v_batch.priority, v_batch.resources,
                _queue_tasks.are_new
            );
        end if;
    end loop;
end
$$;

comment on function stepgres._queue_tasks(stepgres._new_task[], boolean) is
'Queues tasks, and sends their tickets; or starts their child runs.

The tasks are new, or (not are_new) they have a row and are queued again.';
