create function stepgres._own_table(table_name text) returns regclass
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table pg_class;
    v_oid oid;
    v_problem text;
begin
    begin
        v_oid := to_regclass(table_name);
    exception when data_exception or invalid_name or syntax_error or feature_not_supported then
        v_oid := null;
    end;
    select c.* into v_table from pg_class as c where c.oid = v_oid;
    v_problem := case
        when v_table.oid is null then 'there is no such table'
        when v_table.relkind not in ('r', 'p') then 'it is no table'
        when v_table.relispartition then 'it is a partition'
        when v_table.relpersistence = 't' then 'it is temporary'
        when v_table.relnamespace::regnamespace::text in ('stepgres', 'pgmq', 'pg_catalog')
            then 'it is no table of yours'
    end;
    if v_problem is not null then
        raise exception 'table % cannot send signals: %',
            coalesce(quote_literal(table_name), 'null'), v_problem
            using errcode = 'SG003',
                hint = 'Write its name with its schema: app.payments. Of a partitioned table, name '
                    'the table and not a partition.';
    elsif not pg_has_role(current_user, v_table.relowner, 'usage') then
        raise exception 'role "%" is not the owner of table %', current_user, v_oid::regclass
            using errcode = 'SG026', hint = format(
                'Let "%s" do it: the condition is evaluated with the rights of the owner.',
                v_table.relowner::regrole
            );
    end if;
    return v_oid::regclass;
end
$$;

comment on function stepgres._own_table(text) is
'Returns a table of the caller that can send signals; raises SG003 or SG026.

It is called with the rights of the caller, by signal_on and drop_signal_on.';
