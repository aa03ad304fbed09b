create function stepgres._in_seconds(duration interval) returns interval
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    -- a numeric that is infinite is no JSON number: far out of any range does as well
    select stepgres._seconds(to_jsonb(least(greatest(extract(epoch from duration), -1e10), 1e10)))
$$;

comment on function stepgres._in_seconds(interval) is
'A duration without months and days, which have no fixed number of seconds, as the document of a workflow has it.';
