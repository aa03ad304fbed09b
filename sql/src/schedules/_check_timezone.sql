create function stepgres._check_timezone(timezone text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- PostgreSQL also takes abbreviations, which have no summer time, and offsets such as Any+3.
    v_is_name boolean := _check_timezone.timezone ~ '^([A-Za-z_/-]{1,64}|Etc/GMT[+-][0-9]{1,2})$'
        and (
            _check_timezone.timezone ~ '^UTC$|/'
            or upper(_check_timezone.timezone) not in (
                select a.abbrev from pg_timezone_abbrevs as a
            )
        );
begin
    if v_is_name then
        begin
            perform now() at time zone _check_timezone.timezone;
        exception when invalid_parameter_value then
            v_is_name := false;
        end;
    end if;
    if v_is_name is not true then
        raise exception '"%" is not the name of a time zone', left(_check_timezone.timezone, 100)
            using errcode = 'SG001', hint = 'Pass UTC, or a name such as Europe/Berlin from the '
                'view pg_timezone_names. Abbreviations and offsets are refused.';
    end if;
end
$$;

comment on function stepgres._check_timezone(text) is
'Raises SG001 for a text that is not the name of a time zone.';
