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
        perform stepgres._insert_step(v_step, array(
            select jsonb_array_elements_text(coalesce(nullif(v_document -> 'depends_on', 'null'), '[]'))
        ));
    end loop;
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, v_culprit);
end
$$;

comment on function stepgres._insert_steps(stepgres.workflow_versions, jsonb, text) is
'Adds the steps of a document to a version that has none, in a topological order; SG001 names the culprit.';
