create function stepgres._option_values(workflow_slug text, version int)
returns setof stepgres._option_value
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select s.step_slug, o.option, o.value
    from stepgres.steps as s
    cross join lateral (values
        ('timeout', to_jsonb(trim_scale(extract(epoch from s.timeout)))),
        ('max_attempts', to_jsonb(s.max_attempts)),
        ('priority', to_jsonb(s.priority)),
        ('sticky', to_jsonb(s.sticky))
    ) as o (option, value)
    where (s.workflow_slug, s.version) = (_option_values.workflow_slug, _option_values.version)
    union all
    select null, 'max_parallel', to_jsonb(w.max_parallel)
    from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (_option_values.workflow_slug, _option_values.version)
$$;

comment on function stepgres._option_values(text, int) is
'Returns the options of a version that can be optimized.

max_parallel is an option of the workflow, and has no step.';
