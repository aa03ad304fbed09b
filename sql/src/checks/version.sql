create function stepgres.version() returns text
language sql
immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select '0.2.0' $$;

comment on function stepgres.version() is
'Returns the version of the installed schema.';
