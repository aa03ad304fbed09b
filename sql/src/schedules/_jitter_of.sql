create function stepgres._jitter_of(schedule stepgres.schedules, due_at timestamptz)
returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when schedule.jitter = '0' then schedule.jitter
        else schedule.jitter * (
            ('x' || left(md5(format(
                '%s %s', schedule.schedule_slug, extract(epoch from _jitter_of.due_at)
            )), 8))::bit(32)::bigint / 4294967296.0
        )::float8
    end
$$;

comment on function stepgres._jitter_of(stepgres.schedules, timestamptz) is
'Returns how long the start at a due time is put off: always the same part of the jitter.';
