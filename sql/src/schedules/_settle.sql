create function stepgres._settle(
    schedule stepgres.schedules, due_times timestamptz[], outcome text
) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    with settled as (
        insert into stepgres.schedule_runs (schedule_slug, due_at, outcome, kind, settled_at)
        select (_settle.schedule).schedule_slug, d, _settle.outcome, 'due', stepgres._now()
        from unnest(_settle.due_times) as d
        on conflict do nothing
        returning 1
    )
    insert into stepgres.metric_counts (schedules_missed)
    select count(*) from settled
    where _settle.outcome = 'missed'
    having count(*) > 0 and stepgres._are_metrics_on()
$$;

comment on function stepgres._settle(stepgres.schedules, timestamptz[], text) is
'Notes the outcome of due times that start no run now.';
