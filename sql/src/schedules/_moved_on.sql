create function stepgres._moved_on(schedule stepgres.schedules, "position" timestamptz)
returns stepgres.schedules
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := _moved_on.schedule;
begin
    -- A clock that jumps back brings no due time back.
    v_schedule.position := greatest(v_schedule.position, _moved_on."position");
    v_schedule.next_due_at := case when v_schedule.is_in_force then (
        stepgres._due_times(v_schedule, v_schedule.position, 'infinity', 1)
    )[1] end;
    v_schedule.wakes_at := v_schedule.next_due_at
        + stepgres._jitter_of(v_schedule, v_schedule.next_due_at);
    return v_schedule;
end
$$;

comment on function stepgres._moved_on(stepgres.schedules, timestamptz) is
'Returns a schedule whose due times up to the position are settled.';
