create function stepgres._is_signal(name text) returns boolean
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select name ~ '^[a-zA-Z0-9_.:-]+$' and length(name) <= 128
$$;

comment on function stepgres._is_signal(text) is
'Checks the rule for names of signals: 1 to 128 letters, digits, and "_", ".", ":", "-".';
