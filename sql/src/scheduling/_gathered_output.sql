create function stepgres._gathered_output(run_id uuid, step_slug text) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- A skipped dependency has no output and is absent, as in the inputs of other steps.
    select coalesce(
        stepgres._merge_objects(
            array_agg(jsonb_build_object(s.gathers[d.dependency_index + 1], o.output))
        ), '{}'
    )
    from stepgres.runs as r
    join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (r.workflow_slug, r.version, _gathered_output.step_slug)
    join stepgres.dependencies as d
        on (d.workflow_slug, d.version, d.step_slug) = (s.workflow_slug, s.version, s.step_slug)
    cross join lateral (
        select t.output from stepgres.step_states as t
        where t.run_id = r.run_id and t.step_slug = d.depends_on and t.status = 'completed' offset 0
    ) as o
    where r.run_id = _gathered_output.run_id
$$;

comment on function stepgres._gathered_output(uuid, text) is
'Returns the object of the outputs of the dependencies of a step that gathers.';
