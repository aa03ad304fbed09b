create function stepgres._read_keep(keep jsonb, workflow_slug text)
returns setof stepgres.retentions
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := format('workflow "%s", keep', _read_keep.workflow_slug);
    v_key text;
    v_value jsonb;
    v_age interval;
    v_ages jsonb := '{}'::jsonb;
    v_row stepgres.retentions;
begin
    if keep is null or keep = 'null' then
        return;
    end if;
    perform stepgres._check_options(
        keep,
        '{"completed": "number or string", "failed": "number or string",
            "cancelled": "number or string", "payloads": "number or string"}',
        v_culprit
    );
    for v_key, v_value in select k.key, k.value from jsonb_each(jsonb_strip_nulls(keep)) as k loop
        begin
            v_age := coalesce(
                stepgres._seconds(v_value), stepgres._in_seconds((v_value #>> '{}')::interval)
            );
        exception when invalid_datetime_format or datetime_field_overflow
            or interval_field_overflow
        then
            v_age := null;
        end;
        if v_age between interval '1 second' and interval '36525 days' then
            v_ages := v_ages || jsonb_build_object(v_key, v_age);
        else
            raise exception '%: % must be at least 1 second and at most 100 years, not %',
                v_culprit, v_key, left(v_value::text, 100)
                using errcode = 'SG001',
                    hint = 'A duration is a number of seconds, or a text such as "7 days".';
        end if;
    end loop;
    v_row.workflow_slug := _read_keep.workflow_slug;
    if v_ages ?| '{completed,failed,cancelled}' then
        v_row.subject := 'runs';
        v_row.completed := (v_ages ->> 'completed')::interval;
        v_row.failed := (v_ages ->> 'failed')::interval;
        v_row.cancelled := coalesce(v_ages ->> 'cancelled', v_ages ->> 'failed')::interval;
        return next v_row;
    end if;
    if v_ages ? 'payloads' then
        v_row.subject := 'payloads';
        v_row.completed := (v_ages ->> 'payloads')::interval;
        v_row.failed := v_row.completed;
        v_row.cancelled := v_row.completed;
        return next v_row;
    end if;
end
$$;

comment on function stepgres._read_keep(jsonb, text) is
'Returns the rows that the option keep of a workflow stands for, without their positions.

Raises SG001 for an unknown outcome or a bad duration.';
