create function stepgres._backoff(base_delay interval, attempt int) returns interval
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- The delay doubles per attempt, capped at an hour (or at base_delay, if longer). The upper
    -- half is random ("equal jitter"), so that tasks that failed together do not come back
    -- together.
    select make_interval(secs =>
        least(
            extract(epoch from base_delay)::float8 * 2.0 ^ least(attempt - 1, 40),
            greatest(3600, extract(epoch from base_delay)::float8)
        ) * (0.5 + random() / 2)
    )
$$;

comment on function stepgres._backoff(interval, int) is
'Returns how long a task waits after its attempt with this number has failed.';
