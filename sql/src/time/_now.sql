create function stepgres._now() returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$ select clock_timestamp() $$;

comment on function stepgres._now() is
'Returns the time; it is the only clock, and tests replace its body.';
