create function stepgres._row_signal_body(
    signal text, key_column text, condition text, payload_columns text[]
) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body text := $body$#variable_conflict use_column
-- stepgres.signal_on has made this function. To change it, call signal_on again.
declare
    stepgres_starts bigint[] := '{0}';
    stepgres_sizes bigint[];
    stepgres_start bigint;
    stepgres_size bigint;
    stepgres_matched boolean[];
    stepgres_found record;
    stepgres_keys text[] := '{}';
    stepgres_payloads jsonb[] := '{}';
    stepgres_failures int := 0;
    stepgres_missed bigint := 0;
    stepgres_error text;
begin
    select array[count(*)] into stepgres_sizes from stepgres_new;
    while cardinality(stepgres_sizes) > 0 and stepgres_sizes[1] > 0 loop
        stepgres_start := stepgres_starts[1];
        stepgres_size := stepgres_sizes[1];
        stepgres_starts := stepgres_starts[2:];
        stepgres_sizes := stepgres_sizes[2:];
        -- This block writes nothing, so its savepoint gets no transaction id. An update has the old
        -- and the new rows in the same order.
        begin
            if has_function_privilege(
                to_regprocedure('stepgres._send_row_signals(text,text,text[],jsonb[])'), 'execute'
            ) is not true then
                raise exception 'role "%%" may not send signals any more', current_user;
            end if;
            if tg_op = 'UPDATE' then
                stepgres_matched := array(
                    select coalesce((
%1$s
                    ), false)
                    from (
                        select * from stepgres_old offset stepgres_start limit stepgres_size
                    ) as new
                );
            end if;
            select array_agg(r.key order by r.place) as keys,
                array_agg(r.payload order by r.place) as payloads
            into stepgres_found
            from (
                select row_number() over () as place, new.%2$I::text as key, case when (
%1$s
                ) then %3$s end as payload
                from (
                    select * from stepgres_new offset stepgres_start limit stepgres_size
                ) as new
            ) as r
            where r.payload is not null and stepgres_matched[r.place] is not true;
            stepgres_keys := stepgres_keys || stepgres_found.keys;
            stepgres_payloads := stepgres_payloads || stepgres_found.payloads;
        exception when others then
            -- The rows that can be evaluated still count: look for them in halves.
            stepgres_failures := stepgres_failures + 1;
            if stepgres_size = 1 or stepgres_failures > 50 then
                stepgres_missed := stepgres_missed + stepgres_size;
                stepgres_error := sqlerrm;
            else
                stepgres_starts := array[stepgres_start, stepgres_start + stepgres_size / 2]
                    || stepgres_starts;
                stepgres_sizes := array[stepgres_size / 2, stepgres_size - stepgres_size / 2]
                    || stepgres_sizes;
            end if;
        end;
    end loop;
    if stepgres_missed > 0 then
        raise warning '%% rows of %%.%% send no signal "%%": %%',
            stepgres_missed, tg_table_schema, tg_table_name, %4$L, stepgres_error
            using hint = 'Call stepgres.signal_on with a condition that holds for all rows.';
    end if;
    if cardinality(stepgres_keys) > 0 then
        perform stepgres._send_row_signals(
            format('%%I.%%I', tg_table_schema, tg_table_name), %4$L, stepgres_keys,
            stepgres_payloads
        );
    end if;
    return null;
end
$body$;
begin
    perform stepgres._check_signal(_row_signal_body.signal, null, null, null);
    return format(
        v_body, condition, key_column,
        case when payload_columns is null then 'to_jsonb(new.*)'
            else format(
                '(select to_jsonb(stepgres_row.*) from (select %s) as stepgres_row)',
                (select string_agg(format('new.%I', c), ', ') from unnest(payload_columns) as c)
            )
        end,
        signal
    );
end
$$;

comment on function stepgres._row_signal_body(text, text, text, text[]) is
'Returns the body of the trigger function that signal_on makes; raises SG003 for a bad signal.

The text of the condition stands in it as it is: the caller has checked that it is a condition, and
makes the function with the rights of the owner of the table.';
