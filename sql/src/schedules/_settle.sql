create function stepgres._settle(
    schedule stepgres.schedules, due_times timestamptz[], outcome text
) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into stepgres.schedule_runs (schedule_slug, due_at, outcome, kind, settled_at)
    select (_settle.schedule).schedule_slug, d, _settle.outcome, 'due', stepgres._now()
    from unnest(_settle.due_times) as d
    on conflict do nothing
$$;

comment on function stepgres._settle(stepgres.schedules, timestamptz[], text) is
'Notes the outcome of due times that start no run now.';
