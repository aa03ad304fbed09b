create function stepgres._sorted_steps(steps jsonb, culprit text) returns setof jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step jsonb;
    v_dependency jsonb;
    v_slug text;
    v_documents jsonb;
    v_slugs text[] := '{}'::text[];
    v_dependents text[] := '{}'::text[];
    v_dependencies text[] := '{}'::text[];
    v_allowed jsonb := stepgres._inherited_options()
        || '{"step_slug": "string", "step_index": "integer", "depends_on": "array",
            "map": "boolean", "initial_tasks": "integer",
            "transactional": "boolean", "sticky": "boolean", "durable": "boolean",
            "sql_function": "string",
            "gathers": "array", "start_delay": "number", "condition": "string",
            "unless": "string", "max_failed": "number or string", "start_at": "string",
            "approval": "object", "limits": "array",
            "wait_for": "string", "match": "string", "key": "string", "when_timeout": "string",
            "workflow": "string", "version": "integer",
            "default_output": "object or array or string or number or boolean"}';
begin
    for v_step in select s from jsonb_array_elements(_sorted_steps.steps) as s loop
        v_slug := v_step ->> 'step_slug';
        perform stepgres._check_options(
            v_step, v_allowed, format('%s, step "%s"', culprit, v_slug)
        );
        if v_slug is null then
            raise exception '%: a step has no step_slug', culprit
                using errcode = 'SG001', hint = 'Each step needs a slug of its own.';
        end if;
        v_slugs := v_slugs || v_slug;
    end loop;
    select s into v_slug from unnest(v_slugs) as s group by s having count(*) > 1 limit 1;
    if found then
        raise exception '%: step "%" is already defined', culprit, v_slug
            using errcode = 'SG001', hint = 'Each step needs a slug of its own.';
    end if;
    select stepgres._merge_objects(array_agg(jsonb_build_object(s.slug, s.step))) into v_documents
    from rows from (unnest(v_slugs), jsonb_array_elements(_sorted_steps.steps)) as s (slug, step);
    for v_slug, v_dependency in
        select s.slug, d
        from unnest(v_slugs) as s (slug)
        cross join jsonb_array_elements(
            coalesce(nullif(v_documents -> s.slug -> 'depends_on', 'null'), '[]')
        ) as d
    loop
        if jsonb_typeof(v_dependency) <> 'string' or not v_documents ? (v_dependency #>> '{}') then
            raise exception '%, step "%" depends on %, which is not a step of the workflow',
                culprit, v_slug, v_dependency
                using errcode = 'SG001',
                    hint = 'Add the missing step, or correct its name in depends_on.';
        end if;
        v_dependents := v_dependents || v_slug;
        v_dependencies := v_dependencies || (v_dependency #>> '{}');
    end loop;
    return query
    select v_documents -> s
    from unnest(stepgres._order_steps(v_slugs, v_dependents, v_dependencies)) as s;
end
$$;

comment on function stepgres._sorted_steps(jsonb, text) is
'Checks the documents of the steps, and returns each behind the steps that it depends on.';
