create function stepgres._shown_schedule(schedule stepgres.schedules) returns stepgres.schedule
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select (
        (schedule).schedule_slug,
        (schedule).workflow_slug,
        (schedule).cron,
        (schedule).every,
        (schedule).at,
        (schedule).input,
        (schedule).timezone,
        (schedule).overlap,
        (schedule).catch_up,
        (schedule).jitter,
        (schedule).starts_at,
        (schedule).ends_at,
        (schedule).due_key,
        (schedule).options,
        (schedule).is_of_workflow,
        (schedule).is_in_force,
        (schedule).paused_at,
        (schedule).pause_note,
        (schedule).next_due_at,
        (schedule).created_at,
        (
            select to_jsonb(stepgres._shown_schedule_run(s)) from stepgres.schedule_runs as s
            where s.schedule_slug = (schedule).schedule_slug
            order by s.due_at desc
            limit 1
        )
    )::stepgres.schedule
$$;

comment on function stepgres._shown_schedule(stepgres.schedules) is
'Returns a row of the table schedules as list_schedules shows it.';
