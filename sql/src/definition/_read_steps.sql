create function stepgres._read_steps(
    defaults stepgres.workflow_versions,
    documents jsonb,
    culprit text,
    out steps stepgres.steps[],
    out dependencies stepgres.dependencies[]
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_document jsonb;
    v_place int;
    v_step stepgres.steps;
    v_culprit text := _read_steps.culprit;
    v_constraint text;
begin
    steps := array[]::stepgres.steps[];
    dependencies := array[]::stepgres.dependencies[];
    for v_document, v_place in
        select s.document, s.place::int
        from stepgres._sorted_steps(_read_steps.documents, culprit)
            with ordinality as s (document, place)
    loop
        v_culprit := format('%s, step "%s"', culprit, v_document ->> 'step_slug');
        v_step := stepgres._step_options(v_document, _read_steps.defaults);
        v_step.step_index := v_place - 1;
        v_step.dependency_count := jsonb_array_length(
            coalesce(nullif(v_document -> 'depends_on', 'null'), '[]')
        );
        steps := steps || v_step;
        dependencies := dependencies || stepgres._dependencies_of(v_step, array(
            select d from jsonb_array_elements_text(nullif(v_document -> 'depends_on', 'null')) as d
        ));
    end loop;
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, v_culprit);
end
$$;

comment on function stepgres._read_steps(stepgres.workflow_versions, jsonb, text) is
'Reads the steps of a document, in a topological order, and their dependencies.

Every option of the steps is filled in. SG001 names the culprit.';
