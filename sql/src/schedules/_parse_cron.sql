create function stepgres._parse_cron(cron text) returns stepgres._cron
language plpgsql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_text text := upper(btrim(cron, E' \t\r\n') collate "C");
    v_fields text[];
    v_cron stepgres._cron;
begin
    if length(cron) > 1000 then
        raise exception 'cron "%..." has % characters', left(cron, 40), length(cron)
            using errcode = 'SG001', hint = 'A cron expression has at most 1,000 characters.';
    end if;
    v_text := case v_text
        when '@HOURLY' then '0 * * * *'
        when '@DAILY' then '0 0 * * *'
        when '@MIDNIGHT' then '0 0 * * *'
        when '@WEEKLY' then '0 0 * * 0'
        when '@MONTHLY' then '0 0 1 * *'
        when '@YEARLY' then '0 0 1 1 *'
        when '@ANNUALLY' then '0 0 1 1 *'
        else v_text
    end;
    v_fields := regexp_split_to_array(v_text, '[[:space:]]+');
    if v_text = '' or cardinality(v_fields) <> 5 then
        raise exception 'cron "%" is no cron expression', cron
            using errcode = 'SG001',
                hint = 'It has five fields: minute, hour, day, month and weekday, as in '
                    '"30 9 * * MON-FRI"; or it is @hourly, @daily, @midnight, @weekly, @monthly, '
                    '@yearly or @annually.';
    end if;
    v_cron.minutes := stepgres._cron_field(v_fields[1], 'minute', 0, 59, null, cron);
    v_cron.hours := stepgres._cron_field(v_fields[2], 'hour', 0, 23, null, cron);
    v_cron.days := stepgres._cron_field(v_fields[3], 'day', 1, 31, null, cron);
    v_cron.months := stepgres._cron_field(
        v_fields[4], 'month', 1, 12, '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}', cron
    );
    v_cron.weekdays := stepgres._cron_field(
        v_fields[5], 'weekday', 0, 7, '{SUN,MON,TUE,WED,THU,FRI,SAT}', cron
    );
    -- Vixie cron looks at the first character alone: */2 is a star too.
    v_cron.needs_both_days := v_fields[3] like '*%' or v_fields[5] like '*%';
    v_cron.is_elapsing := v_fields[1] like '*%' or v_fields[2] like '*%';
    -- In 40 years each day of each month falls on each weekday.
    if v_cron.needs_both_days and v_cron.days[1] > (
        select max(case when m = 2 then 29 when m in (4, 6, 9, 11) then 30 else 31 end)
        from unnest(v_cron.months) as m
    ) then
        raise exception 'cron "%" never comes due: no such month has a day %',
            cron, v_cron.days[1]
            using errcode = 'SG001', hint = 'Correct the day or the month.';
    end if;
    return v_cron;
end
$$;

comment on function stepgres._parse_cron(text) is
'Returns the fields of a cron expression; raises SG001 if it is malformed or never comes due.';
