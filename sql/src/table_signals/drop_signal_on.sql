create function stepgres.drop_signal_on(table_name text, signal text) returns boolean
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table regclass := stepgres._own_table(drop_signal_on.table_name);
    v_trigger text := stepgres._signal_trigger(drop_signal_on.signal);
    v_schema name;
    v_function name;
begin
    select n.nspname, p.proname into v_schema, v_function
    from pg_trigger as t
    join pg_proc as p on p.oid = t.tgfoid
    join pg_namespace as n on n.oid = p.pronamespace
    where t.tgrelid = v_table and t.tgname in (v_trigger || '_insert', v_trigger || '_update')
    limit 1;
    if not found then
        return false;
    end if;
    execute format('drop trigger if exists %I on %s', v_trigger || '_insert', v_table);
    execute format('drop trigger if exists %I on %s', v_trigger || '_update', v_table);
    execute format('drop function %I.%I()', v_schema, v_function);
    return true;
end
$$;

comment on function stepgres.drop_signal_on(text, text) is
'Ends what signal_on began for a table and a signal; returns whether there was anything to end.

Call it before you drop the table, whose trigger function would stay. Only the owner of the table
may call it. It locks the table until the commit.

Errors: SG003 no such table, SG026 the caller is not the owner of the table.';
