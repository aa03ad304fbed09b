create function stepgres.trigger_schedule(schedule_slug text) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(trigger_schedule.schedule_slug);
    v_rule stepgres.schedules := v_schedule;
    v_due_at timestamptz := stepgres._now();
begin
    -- A trigger takes no time that the rule or another trigger has.
    v_rule.rule_since := '-infinity';
    while exists (
        select from stepgres.schedule_runs as s
        where s.schedule_slug = v_schedule.schedule_slug and s.due_at = v_due_at
    ) or stepgres._due_times(v_rule, v_due_at - interval '1 microsecond', v_due_at, 1) <> '{}' loop
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
