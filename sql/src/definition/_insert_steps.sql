create function stepgres._insert_steps(
    version int, steps stepgres.steps[], dependencies stepgres.dependencies[], culprit text
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step stepgres.steps;
    v_culprit text := _insert_steps.culprit;
    v_constraint text;
begin
    begin
        perform stepgres._store_steps(
            _insert_steps.version, _insert_steps.steps, _insert_steps.dependencies
        );
    exception when integrity_constraint_violation then
        -- Store the steps again, one by one, to find the culprit.
        foreach v_step in array _insert_steps.steps loop
            v_culprit := format('%s, step "%s"', culprit, v_step.step_slug);
            perform stepgres._store_steps(_insert_steps.version, array[v_step], array(
                select d from unnest(_insert_steps.dependencies) as d
                where d.step_slug = v_step.step_slug
            ));
        end loop;
    end;
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, v_culprit);
end
$$;

comment on function stepgres._insert_steps(int, stepgres.steps[], stepgres.dependencies[], text) is
'Adds the steps that _read_steps has read to a version without steps; SG001 names the culprit.';
