create function stepgres._simulated_now() returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((select c.instant from stepgres._clock() as c), clock_timestamp())
$$;

comment on function stepgres._simulated_now() is
'Returns the time of the simulation; the real time if somebody else has made the setting.';
