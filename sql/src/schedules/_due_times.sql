create function stepgres._due_times(
    schedule stepgres.schedules, after timestamptz, until timestamptz, "limit" int
) returns timestamptz[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after timestamptz := greatest(
        _due_times.after, schedule.rule_since, schedule.starts_at - interval '1 microsecond'
    );
    v_until timestamptz := least(_due_times.until, schedule.ends_at, 'infinity');
    v_seconds numeric := extract(epoch from schedule.every);
    v_anchor timestamptz := coalesce(schedule.starts_at, 'epoch');
    v_turn numeric;
    v_cron stepgres._cron;
    v_due_at timestamptz;
    v_due_times timestamptz[] := '{}'::timestamptz[];
begin
    if v_after = 'infinity' then
        return v_due_times;
    elsif schedule.at is not null then
        return case
            when schedule.at > v_after and schedule.at <= v_until and "limit" > 0
                then array[schedule.at]
            else v_due_times
        end;
    elsif schedule.cron is not null then
        v_cron := stepgres._parse_cron(schedule.cron);
    else
        v_turn := floor(extract(epoch from v_after - v_anchor) / v_seconds);
    end if;
    while cardinality(v_due_times) < "limit" loop
        if schedule.cron is not null then
            v_due_at := stepgres._next_cron(v_cron, schedule.timezone, v_after);
        else
            v_turn := v_turn + 1;
            v_due_at := v_anchor + make_interval(secs => (v_turn * v_seconds)::float8);
        end if;
        exit when (v_due_at <= v_until) is not true;
        v_after := v_due_at;
        v_due_times := v_due_times || v_due_at;
    end loop;
    return v_due_times;
end
$$;

comment on function stepgres._due_times(stepgres.schedules, timestamptz, timestamptz, int) is
'Returns the first due times of a schedule after an instant and up to another one, in order.

The times of every are its multiples since starts_at, or since 1970.';
