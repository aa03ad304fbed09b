create function stepgres._is_met(predicate jsonpath, input jsonb) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Put the path in brackets; "strict" stands before the brackets.
    v_path text := regexp_replace(predicate::text, '^(strict )?(.*)$', '\1(\2)');
begin
    -- The time that PostgreSQL takes depends on the path. A path with one "$" and no "@" looks at
    -- each value once.
    if regexp_count(predicate::text, '[$@]') > 1
        and stepgres._path_cost(predicate, input) > 5e6 then
        raise exception 'it would look at more than 5,000,000 pairs of values of its input'
            using errcode = 'program_limit_exceeded';
    end if;
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
