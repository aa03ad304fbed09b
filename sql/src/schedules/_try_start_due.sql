create function stepgres._try_start_due(
    schedule stepgres.schedules, due_at timestamptz, kind text
) returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_error text;
begin
    return stepgres._start_due(_try_start_due.schedule, _try_start_due.due_at, kind);
exception when others then
    if stepgres._is_passing(sqlstate) then
        raise;
    end if;
    v_error := stepgres._shorten(sqlerrm);
    insert into stepgres.schedule_runs (
        schedule_slug, due_at, outcome, kind, error, settled_at
    )
    values (
        (_try_start_due.schedule).schedule_slug, _try_start_due.due_at, 'failed', kind, v_error,
        stepgres._now()
    )
    on conflict on constraint schedule_runs_pkey do update
    set outcome = excluded.outcome, kind = excluded.kind, error = excluded.error,
        settled_at = excluded.settled_at;
    return null;
end
$$;

comment on function stepgres._try_start_due(stepgres.schedules, timestamptz, text) is
'Starts the run of a due time, or notes why the start has failed; then it returns null.';
