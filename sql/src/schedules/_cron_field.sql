create function stepgres._cron_field(
    field text, field_name text, first int, last int, names text[], cron text
) returns int[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_term text;
    v_range text;
    v_first text;
    v_last text;
    v_low int;
    v_high int;
    v_step int;
    v_values int[] := '{}'::int[];
begin
    foreach v_term in array string_to_array(field, ',') loop
        v_low := null;
        -- A match that returns the parts of the term takes ten times as long.
        if v_term ~ '^([*]|([0-9]{1,2}|[A-Z]{3})(-([0-9]{1,2}|[A-Z]{3}))?)(/[0-9]{1,9})?$' then
            v_range := split_part(v_term, '/', 1);
            v_first := split_part(v_range, '-', 1);
            v_last := split_part(v_range, '-', 2);
            v_step := coalesce(nullif(split_part(v_term, '/', 2), ''), '1')::int;
            v_low := case
                when v_range = '*' then _cron_field.first
                when v_first ~ '^[0-9]' then v_first::int
                else array_position(names, v_first) - 1 + _cron_field.first
            end;
            v_high := case
                when v_last ~ '^[0-9]' then v_last::int
                when v_last <> '' then array_position(names, v_last) - 1 + _cron_field.first
                when v_range = '*' or v_term like '%/%' then _cron_field.last
                else v_low
            end;
        end if;
        if (
            v_low >= _cron_field.first and v_low <= v_high and v_high <= _cron_field.last
            and v_step > 0
        ) is not true then
            raise exception 'cron "%": "%" is no %', cron, v_term, field_name
                using errcode = 'SG001', hint = format(
                    'A %s is from %s to %s, and may be a name, a range (1-5), a list (1,3) or a '
                    'step (*/15).',
                    field_name, _cron_field.first, _cron_field.last
                );
        end if;
        v_values := v_values || array(select generate_series(v_low, v_high, v_step));
    end loop;
    -- Sunday is 0 and 7.
    return array(
        select distinct case when field_name = 'weekday' then v % 7 else v end
        from unnest(v_values) as v
        order by 1
    );
end
$$;

comment on function stepgres._cron_field(text, text, int, int, text[], text) is
'Returns the values of a field of a cron expression, in order; raises SG001 for a bad field.

names are the names of the values, from the first value on.';
