create function stepgres._start_maps(map_steps stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_map record;
    v_empty stepgres._step_key[];
begin
    for v_map in
        update stepgres.step_states as t
        set initial_tasks = n.tasks, remaining_tasks = n.tasks, started_at = v_now,
            status = case n.tasks when 0 then 'completed' else 'started' end,
            finished_at = case n.tasks when 0 then v_now end,
            output = case n.tasks when 0 then '[]'::jsonb end
        from unnest(_start_maps.map_steps) as k
        join stepgres.runs as r on r.run_id = k.run_id
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, k.step_slug)
            offset 0
        ) as s
        cross join lateral (
            select coalesce(
                s.initial_tasks, jsonb_array_length(stepgres._map_source(k.run_id, k.step_slug))
            ) as tasks
        ) as n
        where t.run_id = k.run_id and t.step_slug = k.step_slug
        returning t.run_id, t.step_slug, t.initial_tasks
    loop
        if v_map.initial_tasks = 0 then
            v_empty := v_empty || (v_map.run_id, v_map.step_slug)::stepgres._step_key;
        else
            perform stepgres._expand_map(v_map.run_id, v_map.step_slug);
        end if;
    end loop;
    return v_empty;
end
$$;

comment on function stepgres._start_maps(stepgres._step_key[]) is
'Starts map steps that became ready; returns the maps that complete at once with an empty array.';
