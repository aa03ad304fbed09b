create function stepgres._expand_maps_of(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Suspended tasks have not finished, so _refill_maps would wait for them. Tasks are claimed
    -- about in their order: when one of the last 500 has let go, few before it have not begun.
    perform stepgres._expand_map(m.run_id, m.step_slug)
    from (
        select distinct t.run_id, t.step_slug
        from unnest(_expand_maps_of.tasks) as k
        join stepgres.runs as r
            on r.run_id = k.run_id and r.status = 'started' and r.paused_at is null
        join stepgres.step_states as t on t.run_id = k.run_id and t.step_slug = k.step_slug
        where t.map and t.status = 'started' and t.expanded_tasks < t.initial_tasks
            and k.task_index >= t.expanded_tasks - 500
    ) as m;
end
$$;

comment on function stepgres._expand_maps_of(stepgres._task_key[]) is
'Queues the next tasks of map steps whose last tasks have let go of their workers.';
