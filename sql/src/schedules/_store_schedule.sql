create function stepgres._store_schedule(schedule stepgres.schedules) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_new stepgres.schedules := _store_schedule.schedule;
begin
    if v_new.buffered_at is not null and v_new.is_in_force and v_new.paused_at is null then
        -- Nobody tells a schedule that its run has ended. So tick looks again, the later the
        -- longer the buffered run has waited.
        v_new.wakes_at := least(v_new.wakes_at, stepgres._now() + least(greatest(
            (stepgres._now() - v_new.buffered_at) / 16, interval '1 second'
        ), interval '30 seconds'));
    end if;
    update stepgres.schedules as s
    set workflow_slug = v_new.workflow_slug, cron = v_new.cron, every = v_new.every,
        at = v_new.at, input = v_new.input, timezone = v_new.timezone, overlap = v_new.overlap,
        catch_up = v_new.catch_up, jitter = v_new.jitter, starts_at = v_new.starts_at,
        ends_at = v_new.ends_at, due_key = v_new.due_key, options = v_new.options,
        declared = v_new.declared, is_in_force = v_new.is_in_force, paused_at = v_new.paused_at,
        pause_note = v_new.pause_note, rule_since = v_new.rule_since,
        position = v_new.position, next_due_at = v_new.next_due_at, wakes_at = v_new.wakes_at,
        buffered_at = v_new.buffered_at
    where s.schedule_slug = v_new.schedule_slug;
end
$$;

comment on function stepgres._store_schedule(stepgres.schedules) is
'Stores a schedule that the caller has locked.';
