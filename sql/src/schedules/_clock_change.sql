create function stepgres._clock_change(early timestamptz, late timestamptz, timezone text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Clocks are changed at whole seconds.
    v_early timestamptz := date_trunc('second', early);
    v_late timestamptz := date_trunc('second', late);
    v_offset interval := stepgres._utc_offset(early, _clock_change.timezone);
    v_middle timestamptz;
    v_seconds int;
begin
    loop
        v_seconds := extract(epoch from v_late - v_early)::int;
        exit when v_seconds <= 1;
        v_middle := v_early + make_interval(secs => v_seconds / 2);
        if stepgres._utc_offset(v_middle, _clock_change.timezone) = v_offset then
            v_early := v_middle;
        else
            v_late := v_middle;
        end if;
    end loop;
    return v_late;
end
$$;

comment on function stepgres._clock_change(timestamptz, timestamptz, text) is
'Returns the instant at which the clocks of a time zone are changed between two instants.';
