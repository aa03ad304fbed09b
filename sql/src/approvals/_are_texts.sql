create function stepgres._are_texts(value jsonb) returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_typeof(value) = 'array'
        and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
$$;

comment on function stepgres._are_texts(jsonb) is
'Says whether a JSON value is an array of strings; null for null.';
