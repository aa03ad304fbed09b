create function stepgres._seconds(seconds jsonb) returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Out of the range of any option is far enough: the rule of the option refuses it, and names it.
    select case when jsonb_typeof(seconds) = 'number' then
        make_interval(secs => round(least(greatest(seconds::numeric, -1e10), 1e10), 6)::float8)
    end
$$;

comment on function stepgres._seconds(jsonb) is
'The interval that an option in seconds means; null for null.';
