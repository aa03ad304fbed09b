create function stepgres.resume_schedule(schedule_slug text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(resume_schedule.schedule_slug);
begin
    if v_schedule.paused_at is null then
        return;
    end if;
    if v_schedule.is_in_force then
        v_schedule := stepgres._pass_over(v_schedule, 'paused', false);
    end if;
    v_schedule.paused_at := null;
    v_schedule.pause_note := null;
    perform stepgres._store_schedule(v_schedule);
end
$$;

comment on function stepgres.resume_schedule(text) is
'Ends the pause of a schedule; due times in the pause stay without runs.

Errors: SG035 unknown schedule.';
