create function stepgres._delay_until(run_id uuid, step_slug text, start_at jsonpath)
returns interval
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_instant text := stepgres._found_in_input(
        _delay_until.run_id, _delay_until.step_slug, start_at
    ) #>> '{}';
begin
    -- The words of PostgreSQL, such as "tomorrow" and "infinity", are no timestamps in JSON.
    if v_instant ~ '^\d{4}-\d\d-\d\d' then
        return greatest(
            stepgres._time_left(v_instant::timestamptz, stepgres._now()), interval '0'
        );
    end if;
    return null;
exception when data_exception then
    return null;
end
$$;

comment on function stepgres._delay_until(uuid, text, jsonpath) is
'Returns how long a step with start_at waits from now on; null if its input has no timestamp there.

A time in the past means no delay. A timestamp without a time zone is in UTC.';
