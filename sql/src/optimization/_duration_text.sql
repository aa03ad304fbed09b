create function stepgres._duration_text(duration interval) returns text
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select trim_scale(round(extract(epoch from duration), 3)) || ' s'
$$;

comment on function stepgres._duration_text(interval) is
'A duration for people, in seconds and to the millisecond.';
