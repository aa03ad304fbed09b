create function stepgres._first_shown(local timestamp, timezone text) returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_utc timestamptz := local at time zone 'UTC';
    -- No clock is further from UTC than 15 hours, so no change of the last day is passed over.
    v_before timestamptz := v_utc - stepgres._utc_offset(
        v_utc - interval '24 hours', _first_shown.timezone
    );
    v_after timestamptz;
begin
    -- Of two instants that show the same time, the first one has the offset before the change.
    if v_before at time zone _first_shown.timezone = local then
        return v_before;
    end if;
    v_after := v_utc - stepgres._utc_offset(v_utc + interval '24 hours', _first_shown.timezone);
    if v_after at time zone _first_shown.timezone = local then
        return v_after;
    end if;
    return stepgres._clock_change(v_after, v_before, _first_shown.timezone);
end
$$;

comment on function stepgres._first_shown(timestamp, text) is
'Returns the first instant at which the clocks of a time zone show this time, or a later one.

A time that the clocks pass over is first shown right after the gap.';
