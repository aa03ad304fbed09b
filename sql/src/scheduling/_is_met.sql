create function stepgres._is_met(predicate jsonpath, input jsonb) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- What a path finds in both of its forms: "$.n > 3" is itself true or false, "$ ? (@.n > 3)" finds
    -- something or nothing. An error in the path, such as a key that strict mode misses, is not met.
    select coalesce(jsonb_path_query_first_tz(input, predicate, silent => true) not in ('false', 'null'), false)
$$;

comment on function stepgres._is_met(jsonpath, jsonb) is
'Whether a JSON path finds something in an input other than false and null.';
