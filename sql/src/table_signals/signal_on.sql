create function stepgres.signal_on(
    table_name text,
    signal text,
    key_column text,
    condition text,
    payload_columns text[] default null
) returns void
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table regclass := stepgres._own_table(signal_on.table_name);
    v_columns text[] := signal_on.key_column || coalesce(signal_on.payload_columns, '{}');
    v_trigger text := stepgres._signal_trigger(signal_on.signal);
    v_missing text;
    v_body text;
    v_owner name;
    v_schema name;
    v_function name;
    v_is_new boolean;
    v_cursor refcursor;
begin
    select coalesce(quote_ident(c), 'null') into v_missing from unnest(v_columns) as c
    where not exists (
        select from pg_attribute as a
        where a.attrelid = v_table and a.attname = c and a.attnum > 0 and not a.attisdropped
    )
    limit 1;
    if v_missing is not null then
        raise exception 'table % has no column %', v_table, v_missing
            using errcode = 'SG003',
                hint = 'key_column and payload_columns name columns of the table.';
    end if;
    -- A cursor takes one query and no more, and opening it reads no row.
    begin
        open v_cursor for execute format(
            E'select from %s as new where (\n%s\n)', v_table, condition
        );
        close v_cursor;
    exception when syntax_error_or_access_rule_violation or data_exception
        or feature_not_supported then
        raise exception 'the condition % cannot be evaluated: %', to_jsonb(condition), sqlerrm
            using errcode = 'SG003',
                hint = 'A condition looks like new.status = ''paid''. Names of functions and '
                    'tables that are not those of PostgreSQL have their schema.';
    end;
    v_body := stepgres._row_signal_body(
        signal_on.signal, signal_on.key_column, signal_on.condition, signal_on.payload_columns
    );
    select r.rolname into v_owner from pg_class as c join pg_roles as r on r.oid = c.relowner
    where c.oid = v_table;
    if not (
        has_schema_privilege(v_owner, 'stepgres', 'usage')
        and has_function_privilege(
            v_owner, 'stepgres._send_row_signals(text,text,text[],jsonb[])', 'execute'
        )
    ) then
        raise exception 'role "%", the owner of table %, may not send signals', v_owner, v_table
            using errcode = 'SG026',
                hint = format('Let it send them: grant stepgres_client to %I', v_owner);
    end if;

    select n.nspname, p.proname into v_schema, v_function
    from pg_trigger as t
    join pg_proc as p on p.oid = t.tgfoid
    join pg_namespace as n on n.oid = p.pronamespace
    where t.tgrelid = v_table and t.tgname = v_trigger || '_insert';
    v_is_new := not found;
    if v_is_new then
        select n.nspname into v_schema
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.oid = v_table;
        v_function := ('stepgres_signal_' || replace(gen_random_uuid()::text, '-', ''))::name;
    end if;
    execute format(
        'create or replace function %I.%I() returns trigger language plpgsql volatile '
        'security definer set search_path = pg_catalog, pg_temp as %L',
        v_schema, v_function, v_body
    );
    if not v_is_new then
        return;
    end if;
    -- Whoever could execute it could make it the trigger of another table, and choose its rows.
    execute format('revoke all on function %I.%I() from public', v_schema, v_function);
    execute format('comment on function %I.%I() is %L', v_schema, v_function, format(
        'Sends the signal "%s" for rows of %s: see stepgres.signal_on.', signal, v_table
    ));
    if v_owner <> current_user then
        execute format('alter function %I.%I() owner to %I', v_schema, v_function, v_owner);
    end if;
    execute format(
        'create trigger %I after insert on %s referencing new table as stepgres_new '
        'for each statement execute function %I.%I()',
        v_trigger || '_insert', v_table, v_schema, v_function
    );
    execute format(
        'create trigger %I after update on %s '
        'referencing old table as stepgres_old new table as stepgres_new '
        'for each statement execute function %I.%I()',
        v_trigger || '_update', v_table, v_schema, v_function
    );
end
$$;

comment on function stepgres.signal_on(text, text, text, text, text[]) is
'Lets a table send a signal by key when a row begins to match a condition, in the same commit.

The owner of the table calls it, and names the table with its schema: app.payments. condition is a
boolean expression of SQL over the row, which is called new: new.status = ''paid''. A row begins to
match when it is inserted so, or when it is updated and did not match before. The condition is
evaluated with the rights of the owner of the table. Names in it that are not those of PostgreSQL
have their schema.

The key is key_column as text. The payload is an object with payload_columns, by default all
columns; it is kept for a day, as by send_signal_by_key. The statement of the user never fails: a
condition that cannot be evaluated, a key that is null or has 1,000 unread signals, and a payload of
more than 1,000,000 bytes are warnings. A table has one condition for each signal: calling signal_on
again changes it. Triggers lock no run, so a long transaction delays no worker. Making them locks
the table against writes until the commit.

Errors: SG003 no such table or column, a bad signal or condition; SG026 the caller is not the owner
of the table, or the owner may not send signals.';
