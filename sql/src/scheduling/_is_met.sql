create function stepgres._is_met(predicate jsonpath, input jsonb) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- in brackets, which "strict" stands before
    v_path text := regexp_replace(predicate::text, '^(strict )?(.*)$', '\1(\2)');
begin
    -- PostgreSQL takes as long as a path makes it: with one "$" and no "@" it looks at each value once.
    if regexp_count(predicate::text, '[$@]') > 1 and stepgres._path_cost(predicate, input) > 5e6 then
        raise exception 'it would look at more than 5,000,000 pairs of values of its input'
            using errcode = 'program_limit_exceeded';
    end if;
    -- A path finds values in both of its forms: "$.n > 3" is itself true or false, "$ ? (@.n > 3)" finds something
    -- or nothing. An error in the path, such as a key that strict mode misses, is not met. The value is looked for
    -- by PostgreSQL, which ends at the first, instead of in a list of all that there are.
    return coalesce(
        jsonb_path_exists_tz(
            input, (v_path || '.type() ? (@ != "boolean" && @ != "null")')::jsonpath, silent => true
        )
        or jsonb_path_exists_tz(input, (v_path || ' ? (@ == true)')::jsonpath, silent => true), false
    );
end
$$;

comment on function stepgres._is_met(jsonpath, jsonb) is
'Whether a JSON path finds any value in an input other than false and null; an error of Postgres if that could take long.';
