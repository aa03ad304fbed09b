create function stepgres.trigger_schedule(schedule_slug text) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(trigger_schedule.schedule_slug);
    v_due_at timestamptz := stepgres._now();
begin
    -- Due times are at whole seconds: a trigger takes none of them.
    if v_due_at = date_trunc('second', v_due_at) then
        v_due_at := v_due_at + interval '1 microsecond';
    end if;
    while exists (
        select from stepgres.schedule_runs as s
        where s.schedule_slug = v_schedule.schedule_slug and s.due_at = v_due_at
    ) loop
        v_due_at := v_due_at + interval '1 microsecond';
    end loop;
    return stepgres._start_due(v_schedule, v_due_at, 'trigger');
end
$$;

comment on function stepgres.trigger_schedule(text) is
'Starts a run of a schedule now, also in a pause and beside active runs; returns its run_id.

Its due time is now. overlap sees the run at the next due time.

Errors: SG002 the version is unknown; SG003 the workflow cannot take the input; SG035 unknown
schedule.';
