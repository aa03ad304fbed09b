create function stepgres._no_array(feeds_map text, step_slug text, output jsonb) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'step "%s" maps over the output of step "%s", which must be an array, not %s',
        feeds_map, step_slug, coalesce(jsonb_typeof(output), 'null')
    )
$$;

comment on function stepgres._no_array(text, text, jsonb) is
'Returns the error of a step that must complete with an array, and did not.';
