create function stepgres._utc_offset(instant timestamptz, timezone text) returns interval
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select (instant at time zone _utc_offset.timezone) - (instant at time zone 'UTC')
$$;

comment on function stepgres._utc_offset(timestamptz, text) is
'Returns how far the clocks of a time zone are ahead of UTC at an instant.';
