create function stepgres._is_slug(name text) returns boolean
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select name ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' and length(name) <= 128 and name <> 'run'
$$;

comment on function stepgres._is_slug(text) is
'Checks the rule of the domain stepgres.slug, also for a name that is not stored as a slug.';
