create function stepgres._schedule_options() returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select '{"cron": "string", "every": "number", "at": "string",
        "input": "object or array or string or number or boolean", "timezone": "string",
        "overlap": "string", "catch_up": "integer", "jitter": "number", "starts_at": "string",
        "ends_at": "string", "due_key": "string", "options": "object"}'::jsonb
$$;

comment on function stepgres._schedule_options() is
'Returns the options of schedules with their JSON types.';
