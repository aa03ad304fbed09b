create function stepgres._found_in_input(run_id uuid, step_slug text, path jsonpath) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._found_in(
        (
            select i.input from stepgres._step_inputs as i
            where i.run_id = _found_in_input.run_id and i.step_slug = _found_in_input.step_slug
        ),
        _found_in_input.path
    )
$$;

comment on function stepgres._found_in_input(uuid, text, jsonpath) is
'Returns the first value that a JSON path finds in the input of a step; null if it finds none.';
