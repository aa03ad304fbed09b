create function stepgres._all_tags(tags text[], tag text) returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when tag is null or array_ndims(tags) > 1 then tags
        else coalesce(tags, '{}') || tag
    end
$$;

comment on function stepgres._all_tags(text[], text) is
'Returns the tags that a run must have to pass a filter with tags and a single tag.

Null means that the filter takes runs with any tags.';
