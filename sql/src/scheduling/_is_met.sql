create function stepgres._is_met(predicate jsonpath, input jsonb) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Put the path in brackets; "strict" stands before the brackets.
    v_path text := regexp_replace(predicate::text, '^(strict )?(.*)$', '\1(\2)');
begin
    perform stepgres._check_path_cost(predicate, input);
    -- A path has two forms, and both find values: "$.n > 3" is itself true or false, "$ ? (@.n >
    -- 3)" finds a value or nothing. An error in the path, such as a key that strict mode misses,
    -- means not met. PostgreSQL searches for the value, and ends at the first, instead of listing
    -- all values.
    return coalesce(
        jsonb_path_exists_tz(
            input, (v_path || '.type() ? (@ != "boolean" && @ != "null")')::jsonpath, silent => true
        )
        or jsonb_path_exists_tz(input, (v_path || ' ? (@ == true)')::jsonpath, silent => true),
        false
    );
end
$$;

comment on function stepgres._is_met(jsonpath, jsonb) is
'Says whether a JSON path finds a value other than false and null in an input.

Raises the error program_limit_exceeded of PostgreSQL if the search could take long.';
