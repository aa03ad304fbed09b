create function stepgres._read_operations(checkpoints jsonb, waits jsonb)
returns stepgres._operation[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_operations stepgres._operation[];
    v_operation stepgres._operation;
begin
    perform stepgres._check_results(_read_operations.checkpoints, 'checkpoints');
    perform stepgres._check_results(_read_operations.waits, 'waits');
    v_operations := array(
        select (
            k.run_id, k.step_slug, k.task_index, k.claim, k.name, k.number,
            case when o.is_wait then o.operation end,
            case when not o.is_wait and k.error is null then coalesce(k.output, 'null') end,
            stepgres._shorten(k.error), stepgres._shorten(k.error_type),
            row_number() over (order by o.is_wait, o.place)
        )::stepgres._operation
        from (
            select c.value, false, c.place
            from jsonb_array_elements(_read_operations.checkpoints)
                with ordinality as c (value, place)
            union all
            select w.value, true, w.place
            from jsonb_array_elements(_read_operations.waits) with ordinality as w (value, place)
        ) as o (operation, is_wait, place)
        cross join jsonb_to_record(o.operation) as k (
            run_id uuid, step_slug text, task_index int, claim int, name text, number int,
            output jsonb, error text, error_type text
        )
        order by o.is_wait, o.place
    );
    foreach v_operation in array v_operations loop
        if v_operation.claim is null or v_operation.number is null
            or (length(v_operation.name) between 1 and 300) is not true
        then
            raise exception 'an operation of task %/%/% has no claim, number or name: %',
                v_operation.run_id, v_operation.step_slug, v_operation.task_index,
                left(v_operation.name, 300)
                using errcode = 'SG003', hint = 'A name has 1 to 300 characters.';
        end if;
        -- The text of jsonb has blanks that the client has not sent.
        if pg_column_size(v_operation.output) > 262144 and octet_length(
            replace(replace(v_operation.output::text, ', ', ','), '": ', '":')
        ) > 1048576 then
            raise exception 'step "%": the result of "%" is more than 1 MB of JSON',
                v_operation.step_slug, v_operation.name
                using errcode = 'SG017',
                    hint = 'Store the value elsewhere, and return the place where it is.';
        end if;
    end loop;
    return v_operations;
exception when data_exception then
    raise exception 'an operation has a field of the wrong type: %', sqlerrm
        using errcode = 'SG003', hint = 'See the comment on stepgres.save_checkpoints.';
end
$$;

comment on function stepgres._read_operations(jsonb, jsonb) is
'Reads the arguments of save_checkpoints; raises SG003 or SG017.';
