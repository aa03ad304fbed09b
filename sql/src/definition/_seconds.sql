create function stepgres._seconds(seconds jsonb) returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- A number out of the range of every option is enough: the rule of the option refuses it, and
    -- names the option.
    select case when jsonb_typeof(seconds) = 'number' then
        make_interval(secs => round(least(greatest(seconds::numeric, -1e10), 1e10), 6)::float8)
    end
$$;

comment on function stepgres._seconds(jsonb) is
'Converts an option in seconds to an interval; null for null.';
