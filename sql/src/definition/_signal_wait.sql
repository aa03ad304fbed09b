create function stepgres._signal_wait(
    wait_for text,
    match text,
    key text,
    timeout interval,
    when_timeout text,
    default_output jsonb,
    culprit text
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stray text := case
        when match is not null then 'match'
        when key is not null then 'key'
        when when_timeout is not null then 'when_timeout'
        when default_output is not null then 'default_output'
    end;
    v_timeout stepgres.timeout;
    v_problem text;
begin
    if wait_for is null then
        if v_stray is not null then
            raise exception '%: % is for steps with wait_for', culprit, v_stray
                using errcode = 'SG001',
                    hint = 'wait_for names the signal that the step waits for.';
        end if;
        return null;
    end if;
    v_problem := case
        when not stepgres._is_signal(wait_for) then format(
            'wait_for %s is not the name of a signal, which has 1 to 128 letters, digits, '
            'and "_", ".", ":", "-"', to_jsonb(wait_for)
        )
        when when_timeout not in ('fail', 'skip', 'skip-cascade', 'default')
            then 'when_timeout must be "fail", "skip", "skip-cascade" or "default"'
        when when_timeout is not null and timeout is null then 'when_timeout needs a timeout'
        when default_output is not null and when_timeout is distinct from 'default'
            then 'default_output is for steps with when_timeout = "default"'
    end;
    if v_problem is not null then
        raise exception '%: %', culprit, v_problem
            using errcode = 'SG001',
                hint = 'Without a timeout a step waits until the signal comes or the run ends.';
    end if;
    v_timeout := timeout;
    return jsonb_strip_nulls(jsonb_build_object(
        'kind', 'signal',
        'signal', wait_for,
        'match', stepgres._json_path(_signal_wait.match, 'match', culprit, array['input']),
        'key', stepgres._json_path(_signal_wait.key, 'key', culprit),
        'timeout', trim_scale(extract(epoch from v_timeout)),
        'when_timeout', case when v_timeout is not null then coalesce(when_timeout, 'fail') end
    )) || case
        when when_timeout = 'default'
            then jsonb_build_object('default_output', coalesce(default_output, 'null'))
        else '{}'
    end;
end
$$;

comment on function stepgres._signal_wait(
    text, text, text, interval, text, jsonb, text
) is
'Returns the options of a step that waits for a signal as the column steps.wait stores them.

Returns null for a step that waits for no signal. SG001 names the culprit.';
