create function stepgres._check_timezone(timezone text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_known boolean := _check_timezone.timezone ~ '^[A-Za-z0-9/_+-]{1,64}$';
begin
    if v_is_known then
        begin
            perform now() at time zone _check_timezone.timezone;
        exception when invalid_parameter_value then
            v_is_known := false;
        end;
    end if;
    -- PostgreSQL also takes abbreviations, which have no summer time, and offsets such as Any+3.
    if v_is_known and _check_timezone.timezone <> 'UTC'
        and _check_timezone.timezone !~ '^[A-Za-z_]+/[A-Za-z_/-]+$'
    then
        v_is_known := exists (
            select from pg_timezone_names as n
            where lower(n.name) = lower(_check_timezone.timezone)
        );
    end if;
    if v_is_known is not true then
        raise exception 'time zone "%" does not exist', left(_check_timezone.timezone, 100)
            using errcode = 'SG001',
                hint = 'Pass a name such as Europe/Berlin; pg_timezone_names has all of them.';
    end if;
end
$$;

comment on function stepgres._check_timezone(text) is
'Raises SG001 for a time zone that does not exist.';
