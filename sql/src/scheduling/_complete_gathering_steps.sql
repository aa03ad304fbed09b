create function stepgres._complete_gathering_steps(ready stepgres._step_key[])
returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_gathering stepgres._step_key[];
    v_completed stepgres._step_key[];
begin
    select array_agg((k.run_id, k.step_slug)::stepgres._step_key) into v_gathering
    from unnest(_complete_gathering_steps.ready) as k
    join stepgres.runs as r on r.run_id = k.run_id
    cross join lateral (
        select def.gathers from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, k.step_slug)
        offset 0
    ) as s
    where s.gathers is not null;
    if v_gathering is null then
        return null;
    end if;
    with completed as (
        update stepgres.step_states as t
        set status = 'completed', started_at = v_now, finished_at = v_now, initial_tasks = 0,
            remaining_tasks = 0, output = stepgres._gathered_output(t.run_id, t.step_slug)
        from unnest(v_gathering) as k
        where t.run_id = k.run_id and t.step_slug = k.step_slug and t.status = 'created'
        returning t.run_id, t.step_slug
    )
    select array_agg((c.run_id, c.step_slug)::stepgres._step_key) into v_completed
    from completed as c;
    return v_completed;
end
$$;

comment on function stepgres._complete_gathering_steps(stepgres._step_key[]) is
'Completes the ready steps that only gather the outputs of their dependencies, and returns them.';
