create function stepgres._dependencies_of(step stepgres.steps, depends_on text[])
returns stepgres.dependencies[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- The columns are set by name: a later version of the table may have more columns.
    select coalesce(array_agg(jsonb_populate_record(null::stepgres.dependencies, jsonb_build_object(
        'workflow_slug', step.workflow_slug, 'version', step.version, 'step_slug', step.step_slug,
        'dependency_index', d.place - 1, 'depends_on', d.slug
    )) order by d.place), '{}')
    from unnest(_dependencies_of.depends_on) with ordinality as d (slug, place)
$$;

comment on function stepgres._dependencies_of(stepgres.steps, text[]) is
'Returns the rows of the table dependencies for a step that depends on these steps.';
