create function stepgres._start_due(
    schedule stepgres.schedules, due_at timestamptz, kind text
) returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_options stepgres.runs := stepgres._run_of_schedule(_start_due.schedule);
    v_run stepgres.runs := stepgres._new_run(
        v_options.workflow_slug, v_options.version, null, v_options.priority, null,
        v_options.deadline, v_options.tags, null
    );
begin
    v_run.input := (_start_due.schedule).input;
    if (_start_due.schedule).due_key is not null then
        v_run.input := v_run.input || jsonb_build_object(
            (_start_due.schedule).due_key,
            to_jsonb(_start_due.due_at at time zone 'UTC') #>> '{}' || 'Z'
        );
    end if;
    v_run.run_id := stepgres._start_run(v_run, null);
    insert into stepgres.schedule_runs as s (
        schedule_slug, due_at, outcome, kind, run_id, settled_at, is_open
    )
    values (
        (_start_due.schedule).schedule_slug, _start_due.due_at, 'started', _start_due.kind,
        v_run.run_id, stepgres._now(), true
    )
    on conflict on constraint schedule_runs_pkey do update
    set outcome = excluded.outcome, kind = excluded.kind, run_id = excluded.run_id, error = null,
        settled_at = excluded.settled_at, is_open = true;
    return v_run.run_id;
end
$$;

comment on function stepgres._start_due(stepgres.schedules, timestamptz, text) is
'Starts the run of a due time that has none, under the lock of the schedule.';
