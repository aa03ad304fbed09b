create function stepgres._duration_text(duration interval) returns text
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select trim_scale(round(extract(epoch from duration), 3)) || ' s'
$$;

comment on function stepgres._duration_text(interval) is
'Returns a duration as text for people, in seconds with up to three decimals.';
