create function stepgres._complete_gathering_steps(ready stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_completed stepgres._step_key[];
begin
    with completed as (
        update stepgres.step_states as t
        set status = 'completed', started_at = v_now, finished_at = v_now, initial_tasks = 0, remaining_tasks = 0,
            output = g.output
        from unnest(_complete_gathering_steps.ready) as k
        join stepgres.runs as r on r.run_id = k.run_id
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, k.step_slug)
        cross join lateral (
            -- a dependency that was skipped has no output and is absent, as in the inputs of other steps
            select coalesce(jsonb_object_agg(s.gathers[d.dependency_index + 1], o.output), '{}') as output
            from stepgres.dependencies as d
            join stepgres.step_states as o on o.run_id = k.run_id and o.step_slug = d.depends_on
            where (d.workflow_slug, d.version, d.step_slug) = (s.workflow_slug, s.version, s.step_slug)
                and o.status = 'completed'
        ) as g
        where s.gathers is not null
            and t.run_id = k.run_id and t.step_slug = k.step_slug and t.status = 'created'
        returning t.run_id, t.step_slug
    )
    select array_agg((c.run_id, c.step_slug)::stepgres._step_key) into v_completed from completed as c;
    return v_completed;
end
$$;

comment on function stepgres._complete_gathering_steps(stepgres._step_key[]) is
'Completes those of the ready steps that only gather the outputs of their dependencies; returns them.';
