create function stepgres._lock_schedule(schedule_slug text) returns stepgres.schedules
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._find_schedule(_lock_schedule.schedule_slug);
begin
    perform stepgres._hold_version(
        v_schedule.workflow_slug, (v_schedule.options ->> 'version')::numeric::int
    );
    select s.* into v_schedule from stepgres.schedules as s
    where s.schedule_slug = v_schedule.schedule_slug
    for no key update;
    if not found then
        return stepgres._find_schedule(_lock_schedule.schedule_slug);
    end if;
    return v_schedule;
end
$$;

comment on function stepgres._lock_schedule(text) is
'Locks a schedule and returns it; raises SG035 if there is none.

Its workflow is not deleted before the transaction ends.';
