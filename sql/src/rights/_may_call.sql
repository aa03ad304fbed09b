create function stepgres._may_call(functions text[]) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(bool_or(has_function_privilege(stepgres._caller(), p.oid, 'execute')), false)
    from pg_proc as p
    where p.pronamespace = 'stepgres'::regnamespace and p.proname = any (functions)
$$;

comment on function stepgres._may_call(text[]) is
'Says whether the caller has the right to call at least one of these functions.

A public function must not do more for a caller than these functions would.';
