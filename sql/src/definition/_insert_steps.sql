create function stepgres._insert_steps(version stepgres.workflow_versions, steps jsonb, culprit text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_document jsonb;
    v_place int;
    v_step stepgres.steps;
    v_steps stepgres.steps[] := '{}';
    v_dependencies stepgres.dependencies[] := '{}';
    v_culprit text := _insert_steps.culprit;
    v_constraint text;
begin
    for v_document, v_place in
        select s.document, s.place
        from stepgres._sorted_steps(_insert_steps.steps, culprit) with ordinality as s (document, place)
    loop
        v_culprit := format('%s, step "%s"', culprit, v_document ->> 'step_slug');
        v_step := stepgres._step_options(v_document, _insert_steps.version);
        v_step.step_index := v_place - 1;
        v_step.dependency_count := jsonb_array_length(coalesce(nullif(v_document -> 'depends_on', 'null'), '[]'));
        v_steps := v_steps || v_step;
        v_dependencies := v_dependencies || array(
            select (v_step.workflow_slug, v_step.version, v_step.step_slug, d.place - 1, d.slug)::stepgres.dependencies
            from jsonb_array_elements_text(nullif(v_document -> 'depends_on', 'null')) with ordinality as d (slug, place)
        );
    end loop;
    begin
        perform stepgres._store_steps(v_steps, v_dependencies);
    exception when integrity_constraint_violation then
        -- once more, one by one, to find out which of them it is
        foreach v_step in array v_steps loop
            v_culprit := format('%s, step "%s"', culprit, v_step.step_slug);
            perform stepgres._store_steps(array[v_step], array(
                select d from unnest(v_dependencies) as d where d.step_slug = v_step.step_slug
            ));
        end loop;
    end;
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, v_culprit);
end
$$;

comment on function stepgres._insert_steps(stepgres.workflow_versions, jsonb, text) is
'Adds the steps of a document to a version that has none, in a topological order; SG001 names the culprit.';
