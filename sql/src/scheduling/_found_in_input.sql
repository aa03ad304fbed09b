create function stepgres._found_in_input(run_id uuid, step_slug text, path jsonpath) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_input jsonb := (
        select i.input from stepgres._step_inputs as i
        where i.run_id = _found_in_input.run_id and i.step_slug = _found_in_input.step_slug
    );
begin
    perform stepgres._check_path_cost(path, v_input);
    return jsonb_path_query_first_tz(v_input, path, silent => true);
exception when program_limit_exceeded or data_exception or internal_error then
    return null;
end
$$;

comment on function stepgres._found_in_input(uuid, text, jsonpath) is
'Returns the first value that a JSON path finds in the input of a step; null if it finds none.';
