create function stepgres._refill_maps(map_steps stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_map record;
    v_finished stepgres._step_key[];
begin
    for v_map in
        select distinct t.run_id, t.step_slug, t.remaining_tasks
        from unnest(_refill_maps.map_steps) as k
        join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
        join stepgres.step_states as t on t.run_id = k.run_id and t.step_slug = k.step_slug
        where t.status = 'started' and (
            t.remaining_tasks = 0
            or (
                t.expanded_tasks < t.initial_tasks
                and t.remaining_tasks - (t.initial_tasks - t.expanded_tasks) < 500
                and r.paused_at is null
            )
        )
    loop
        if v_map.remaining_tasks = 0 then
            v_finished := v_finished || (v_map.run_id, v_map.step_slug)::stepgres._step_key;
        else
            perform stepgres._expand_map(v_map.run_id, v_map.step_slug);
        end if;
    end loop;
    perform stepgres._complete_maps(v_finished);
    return v_finished;
end
$$;

comment on function stepgres._refill_maps(stepgres._step_key[]) is
'Queues the next tasks of map steps, and completes and returns the maps without tasks left.';
