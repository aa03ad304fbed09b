create function stepgres._copy_unfinished_maps(copies stepgres._run_copy[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_maps stepgres._step_key[];
begin
    -- materialized: as in _copy_finished_steps
    with begun as materialized (
        select r.run_id as new_run_id, o.step_slug, o.initial_tasks, o.expanded_tasks, c.tasks
        from unnest(_copy_unfinished_maps.copies) as r
        join stepgres.step_states as o on o.run_id = r.source
        cross join lateral (
            select count(*) as tasks from stepgres.tasks as k
            where k.run_id = o.run_id and k.step_slug = o.step_slug and k.status = 'completed'
        ) as c
        where o.map and o.step_slug <> all (r.fresh)
            and o.status in ('failed', 'cancelled') and c.tasks > 0
    ),
    maps as (
        update stepgres.step_states as t
        set status = 'started', started_at = v_now, initial_tasks = o.initial_tasks,
            remaining_tasks = o.initial_tasks - o.tasks, expanded_tasks = o.expanded_tasks
        from begun as o
        where t.run_id = o.new_run_id and t.step_slug = o.step_slug and t.map
        returning t.run_id, t.step_slug
    )
    select array_agg((m.run_id, m.step_slug)::stepgres._step_key) into v_maps from maps as m;

    insert into stepgres.tasks (
        run_id, step_slug, task_index, status, attempt, worker_id, queued_at, started_at,
        finished_at, input, output
    )
    select m.run_id, o.step_slug, o.task_index, o.status, 1, o.worker_id, o.queued_at, o.started_at,
        o.finished_at, o.input, o.output
    from unnest(v_maps) as m
    join unnest(_copy_unfinished_maps.copies) as r on r.run_id = m.run_id
    join stepgres.tasks as o on o.run_id = r.source and o.step_slug = m.step_slug
    where o.status = 'completed';
    perform stepgres._queue_tasks(array(
        select (m.run_id, o.step_slug, o.task_index, o.input)::stepgres._new_task
        from unnest(v_maps) as m
        join unnest(_copy_unfinished_maps.copies) as r on r.run_id = m.run_id
        join stepgres.tasks as o on o.run_id = r.source and o.step_slug = m.step_slug
        where o.status <> 'completed'
    ));
    perform stepgres._refill_maps(v_maps);
end
$$;

comment on function stepgres._copy_unfinished_maps(stepgres._run_copy[]) is
'Starts in the new runs the maps that their sources left half done.

The new runs take over the completed tasks of these maps, and queue all other tasks.';
