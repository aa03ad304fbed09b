create function stepgres._complete_maps(map_steps stepgres._step_key[]) returns void
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    update stepgres.step_states as t
    set status = 'completed', finished_at = v_now, output = (
        select to_jsonb(array_agg(k.output order by k.task_index))
        from stepgres.tasks as k
        where k.run_id = t.run_id and k.step_slug = t.step_slug
    )
    from unnest(_complete_maps.map_steps) as m
    where t.run_id = m.run_id and t.step_slug = m.step_slug;
end
$$;

comment on function stepgres._complete_maps(stepgres._step_key[]) is
'Completes map steps whose tasks have all finished.

The output of a map step is the array of the outputs of its tasks, in task order.';
