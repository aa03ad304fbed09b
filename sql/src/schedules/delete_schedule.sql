create function stepgres.delete_schedule(schedule_slug text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(delete_schedule.schedule_slug);
begin
    delete from stepgres.schedules as s where s.schedule_slug = v_schedule.schedule_slug;
end
$$;

comment on function stepgres.delete_schedule(text) is
'Deletes a schedule and what is known of its due times; its runs stay.

The next declaration of the schedule makes it anew: pause a schedule that is a part of a workflow.

Errors: SG035 unknown schedule.';
