create function stepgres._schedule_arguments(
    cron text,
    every interval,
    at timestamptz,
    input jsonb,
    timezone text,
    overlap text,
    catch_up int,
    jitter interval,
    starts_at timestamptz,
    ends_at timestamptz,
    due_key text,
    options jsonb
) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(stepgres._merge_objects(array_agg(jsonb_build_object(a.key, a.value))), '{}')
    from (
        values
        ('cron', to_jsonb(_schedule_arguments.cron)),
        ('every', to_jsonb(extract(epoch from stepgres._in_seconds(_schedule_arguments.every)))),
        ('at', to_jsonb(_schedule_arguments.at)),
        ('input', _schedule_arguments.input),
        ('timezone', to_jsonb(_schedule_arguments.timezone)),
        ('overlap', to_jsonb(_schedule_arguments.overlap)),
        ('catch_up', to_jsonb(_schedule_arguments.catch_up)),
        ('jitter', to_jsonb(extract(epoch from stepgres._in_seconds(_schedule_arguments.jitter)))),
        ('starts_at', to_jsonb(_schedule_arguments.starts_at)),
        ('ends_at', to_jsonb(_schedule_arguments.ends_at)),
        ('due_key', to_jsonb(_schedule_arguments.due_key)),
        ('options', _schedule_arguments.options)
    ) as a (key, value)
    where a.value is not null
$$;

comment on function stepgres._schedule_arguments(
    text, interval, timestamptz, jsonb, text, text, int, interval, timestamptz, timestamptz, text,
    jsonb
) is
'Returns the document of the arguments that are not null.';
