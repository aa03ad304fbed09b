create function stepgres._next_local(cron stepgres._cron, since timestamp) returns timestamp
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first_year int := extract(year from since)::int;
    v_since date := since::date;
    v_month int;
    v_hour int;
    v_minute int;
    v_start date;
    v_end date;
    v_weekday int;
    v_date date;
    v_is_day boolean;
    v_is_weekday boolean;
begin
    -- February 29 falls on a weekday every 28 years, or 40 years around 2100.
    for v_year in v_first_year .. v_first_year + 41 loop
        foreach v_month in array cron.months loop
            v_start := make_date(v_year, v_month, 1);
            v_end := (v_start + interval '1 month')::date;
            continue when v_end <= v_since;
            v_weekday := extract(dow from v_start)::int;
            for v_day in greatest(1, v_since - v_start + 1) .. v_end - v_start loop
                v_is_day := v_day = any (cron.days);
                v_is_weekday := (v_weekday + v_day - 1) % 7 = any (cron.weekdays);
                continue when case
                    when cron.needs_both_days then not (v_is_day and v_is_weekday)
                    else not (v_is_day or v_is_weekday)
                end;
                v_date := v_start + v_day - 1;
                if v_date > v_since then
                    return v_date + make_time(cron.hours[1], cron.minutes[1], 0);
                end if;
                foreach v_hour in array cron.hours loop
                    continue when v_hour < extract(hour from since);
                    if v_hour > extract(hour from since) then
                        return v_date + make_time(v_hour, cron.minutes[1], 0);
                    end if;
                    foreach v_minute in array cron.minutes loop
                        if v_minute >= extract(minute from since) then
                            return v_date + make_time(v_hour, v_minute, 0);
                        end if;
                    end loop;
                end loop;
            end loop;
        end loop;
    end loop;
    return null;
end
$$;

comment on function stepgres._next_local(stepgres._cron, timestamp) is
'Returns the first time of a clock that the expression names, from a whole minute on.

The clock is never changed: _next_cron knows the time zone. Months and days that do not match are
passed over as a whole.';
