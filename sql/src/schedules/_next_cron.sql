create function stepgres._next_cron(cron stepgres._cron, timezone text, after timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := _next_cron.after;
    v_local timestamp := date_trunc('minute', v_now at time zone _next_cron.timezone)
        + interval '1 minute';
    v_offset interval;
    v_change timestamptz;
    v_due timestamptz;
begin
    loop
        v_local := stepgres._next_local(cron, v_local);
        exit when v_local is null;
        v_due := stepgres._first_shown(v_local, _next_cron.timezone);
        if not cron.is_elapsing then
            -- A fixed time comes once: right after the gap that it is in, and the first time that
            -- the clocks show it.
            if v_due > v_now then
                return v_due;
            end if;
            v_local := v_local + interval '1 minute';
            continue;
        end if;
        -- A star follows the time that passes: it counts a time twice that is shown twice, and not
        -- a time that is not shown.
        v_offset := stepgres._utc_offset(v_now, _next_cron.timezone);
        if v_due <= v_now then
            v_due := (v_local at time zone 'UTC') - v_offset;
        end if;
        if stepgres._utc_offset(v_now + interval '24 hours', _next_cron.timezone) < v_offset then
            v_change := stepgres._clock_change(
                v_now, v_now + interval '24 hours', _next_cron.timezone
            );
        else
            v_change := null;
        end if;
        if v_due >= v_change then
            -- The clocks are turned back before that, and show earlier times again.
            v_due := v_change;
        elsif v_due at time zone _next_cron.timezone = v_local then
            return v_due;
        end if;
        v_now := v_due;
        v_local := date_trunc('minute', v_now at time zone _next_cron.timezone);
    end loop;
    return null;
end
$$;

comment on function stepgres._next_cron(stepgres._cron, text, timestamptz) is
'Returns the first due time of a cron expression after an instant, in a time zone.

When the clocks change, the rule of Vixie cron holds: fixed times in the gap come right after the
gap, and fixed times that are shown twice come once. An expression with a star in the minute or the
hour follows the time that passes.';
