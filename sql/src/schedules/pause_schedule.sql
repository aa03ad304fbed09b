create function stepgres.pause_schedule(schedule_slug text, note text default null) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(pause_schedule.schedule_slug);
begin
    v_schedule.paused_at := coalesce(v_schedule.paused_at, stepgres._now());
    v_schedule.pause_note := coalesce(
        stepgres._shorten(pause_schedule.note), v_schedule.pause_note
    );
    perform stepgres._store_schedule(v_schedule);
end
$$;

comment on function stepgres.pause_schedule(text, text) is
'Pauses a schedule: it starts no runs until resume_schedule; active runs go on.

Its due times are noted as paused, and are not made up. backfill_schedule can start their runs. The
note says why. Declaring the schedule again does not end the pause.

Errors: SG035 unknown schedule.';
