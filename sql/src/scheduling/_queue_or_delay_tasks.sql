create function stepgres._queue_or_delay_tasks(tasks stepgres._new_task[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_tasks stepgres._new_task[];
begin
    if tasks is null then
        return;
    end if;
    with delayed as (
        select n.run_id, n.step_slug, n.task_index, n.input, s.start_delay
        from unnest(_queue_or_delay_tasks.tasks) as n
        join stepgres.runs as r on r.run_id = n.run_id
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, n.step_slug)
            offset 0
        ) as s
    ),
    waiting as (
        insert into stepgres.tasks (run_id, step_slug, task_index, status, input, queued_at)
        select d.run_id, d.step_slug, d.task_index, 'waiting', d.input, v_now
        from delayed as d where d.start_delay > interval '0'
    ),
    timed as (
        insert into stepgres.timers (run_id, step_slug, task_index, due_at)
        select d.run_id, d.step_slug, d.task_index, v_now + d.start_delay
        from delayed as d where d.start_delay > interval '0'
    )
    select array_agg((d.run_id, d.step_slug, d.task_index, d.input)::stepgres._new_task)
    into v_tasks
    from delayed as d where d.start_delay = interval '0';
    if v_tasks is not null then
        perform stepgres._queue_tasks(v_tasks);
    end if;
end
$$;

comment on function stepgres._queue_or_delay_tasks(stepgres._new_task[]) is
'Queues the first tasks of steps, or lets them wait for the start_delay of their step.';
