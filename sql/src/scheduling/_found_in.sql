create function stepgres._found_in(input jsonb, path jsonpath) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._check_path_cost(path, input);
    return jsonb_path_query_first_tz(input, path, silent => true);
exception when program_limit_exceeded or data_exception or internal_error then
    return null;
end
$$;

comment on function stepgres._found_in(jsonb, jsonpath) is
'Returns the first value that a JSON path finds in an input; null if it finds none.';
