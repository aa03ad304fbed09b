create function stepgres._now() returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$ select clock_timestamp() $$;

comment on function stepgres._now() is
'The only clock; tests replace its body.';
