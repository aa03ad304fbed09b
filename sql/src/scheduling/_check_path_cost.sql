create function stepgres._check_path_cost(path jsonpath, input jsonb) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The time that PostgreSQL takes depends on the path. A path with one "$" and no "@" looks at
    -- each value once.
    if regexp_count(path::text, '[$@]') > 1 and stepgres._path_cost(path, input) > 5e6 then
        raise exception 'it would look at more than 5,000,000 pairs of values of its input'
            using errcode = 'program_limit_exceeded';
    end if;
end
$$;

comment on function stepgres._check_path_cost(jsonpath, jsonb) is
'Raises the error program_limit_exceeded of PostgreSQL if the search for a path could take long.';
