create function stepgres._is_passing(error_code text) returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select error_code ~ '^(25|40|53|55|57|58)'
$$;

comment on function stepgres._is_passing(text) is
'Says whether an error is of locks, a full disk or a shutdown: the same call may succeed later.';
