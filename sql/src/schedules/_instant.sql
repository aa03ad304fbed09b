create function stepgres._instant(value text, culprit text) returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_instant timestamptz;
begin
    -- Words such as "tomorrow" mean another time at each look.
    if value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' then
        v_instant := value::timestamptz;
    end if;
    if v_instant is null and value is not null then
        raise exception '%: "%" is no time', culprit, left(value, 100)
            using errcode = 'SG001', hint = 'Write it in ISO 8601: 2026-11-28T12:30:00Z.';
    end if;
    return v_instant;
exception when datetime_field_overflow or invalid_datetime_format or invalid_parameter_value then
    raise exception '%: "%" is no time', culprit, left(value, 100)
        using errcode = 'SG001', hint = 'Write it in ISO 8601: 2026-11-28T12:30:00Z.';
end
$$;

comment on function stepgres._instant(text, text) is
'Reads a time in ISO 8601; raises SG001 for anything else. UTC is meant if there is no offset.';
