create function stepgres._schedule_document(schedule stepgres.schedules) returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object(
        'cron', (schedule).cron,
        'every', trim_scale(extract(epoch from (schedule).every)),
        'at', to_jsonb((schedule).at at time zone 'UTC') #>> '{}' || 'Z',
        'input', (schedule).input,
        'timezone', (schedule).timezone,
        'overlap', (schedule).overlap,
        'catch_up', (schedule).catch_up,
        'jitter', trim_scale(extract(epoch from (schedule).jitter)),
        'starts_at', to_jsonb((schedule).starts_at at time zone 'UTC') #>> '{}' || 'Z',
        'ends_at', to_jsonb((schedule).ends_at at time zone 'UTC') #>> '{}' || 'Z',
        'due_key', (schedule).due_key,
        'options', (schedule).options
    )
$$;

comment on function stepgres._schedule_document(stepgres.schedules) is
'Returns the document of a schedule with all of its options, as _read_schedule reads it.';
