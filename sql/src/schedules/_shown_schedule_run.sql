create function stepgres._shown_schedule_run(schedule_run stepgres.schedule_runs)
returns stepgres.schedule_run
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select (
        schedule_run.schedule_slug,
        schedule_run.due_at,
        schedule_run.outcome,
        schedule_run.kind,
        schedule_run.run_id,
        schedule_run.error,
        schedule_run.settled_at
    )::stepgres.schedule_run
$$;

comment on function stepgres._shown_schedule_run(stepgres.schedule_runs) is
'Returns a row of the table schedule_runs as functions show it.';
