create function stepgres._all_tags(tags text[], tag text) returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case when tag is null then tags else coalesce(tags, '{}') || tag end
$$;

comment on function stepgres._all_tags(text[], text) is
'The tags that a run must have, of a filter that may also name a single one; null: any.';
