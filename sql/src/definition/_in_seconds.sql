create function stepgres._in_seconds(duration interval) returns interval
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    -- An infinite numeric is no JSON number; a number far out of any range serves as well.
    select stepgres._seconds(to_jsonb(least(greatest(extract(epoch from duration), -1e10), 1e10)))
$$;

comment on function stepgres._in_seconds(interval) is
'Converts a duration to seconds without months and days, as the document of a workflow has it.

Months and days have no fixed number of seconds.';
