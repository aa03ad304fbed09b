create function stepgres._time_left(due_at timestamptz, since timestamptz) returns interval
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    -- in seconds: an interval in days changes its length if the clocks change meanwhile
    select make_interval(secs => extract(epoch from due_at - since)::float8)
$$;

comment on function stepgres._time_left(timestamptz, timestamptz) is
'Returns the time from one instant to a later one, which may pass at any other time.';
