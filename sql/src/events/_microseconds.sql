create function stepgres._microseconds(instant timestamptz) returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select (extract(epoch from _microseconds.instant) * 1000000)::bigint $$;

comment on function stepgres._microseconds(timestamptz) is
'Returns a time in microseconds, as positions store it: the same text in every session.';
