create function stepgres.register_sql_function(sql_function text) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_oid oid;
    v_function text;
begin
    begin
        v_oid := to_regprocedure(register_sql_function.sql_function || '(jsonb)');
    exception when data_exception or invalid_name or syntax_error or feature_not_supported then
        v_oid := null;
    end;
    select format('%I.%I', n.nspname, p.proname) into v_function
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where p.oid = v_oid
        and p.prorettype = 'jsonb'::regtype and p.prokind = 'f' and not p.proretset;
    if not found then
        raise exception 'there is no function %(jsonb) returns jsonb',
            register_sql_function.sql_function
            using errcode = 'SG001', hint = 'Write its name with its schema: app.total.';
    end if;
    insert into stepgres.sql_functions (sql_function, registered_at)
    values (v_function, stepgres._now())
    on conflict do nothing;
    return v_function;
end
$$;

comment on function stepgres.register_sql_function(text) is
'Allows steps to name a function f(jsonb) returns jsonb as their body; returns its name for steps.

Workers call the function with their own rights, never with the rights of the owner of Stepgres.

Errors: SG001 there is no such function.';
