create function stepgres._wait_options(
    timeout interval,
    when_timeout text,
    when_rejected text,
    default_output jsonb,
    culprit text
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_timeout stepgres.timeout;
    v_problem text;
begin
    v_problem := case
        when when_timeout not in ('fail', 'skip', 'skip-cascade', 'default')
            then 'when_timeout must be "fail", "skip", "skip-cascade" or "default"'
        when when_rejected not in ('fail', 'skip', 'skip-cascade', 'default', 'continue')
            then 'when_rejected must be "fail", "skip", "skip-cascade", "default" or "continue"'
        when when_timeout is not null and timeout is null then 'when_timeout needs a timeout'
        when default_output is not null and 'default' not in (
            coalesce(when_timeout, ''), coalesce(when_rejected, '')
        ) then 'default_output is for steps with when_timeout = "default"'
    end;
    if v_problem is not null then
        raise exception '%: %', culprit, v_problem
            using errcode = 'SG001',
                hint = 'Without a timeout a step waits until it need not wait any more, or the '
                    'run ends.';
    end if;
    v_timeout := timeout;
    return jsonb_strip_nulls(jsonb_build_object(
        'timeout', trim_scale(extract(epoch from v_timeout)),
        'when_timeout', case when v_timeout is not null then coalesce(when_timeout, 'fail') end,
        'when_rejected', when_rejected
    )) || case
        when 'default' in (when_timeout, when_rejected)
            then jsonb_build_object('default_output', coalesce(default_output, 'null'))
        else '{}'
    end;
end
$$;

comment on function stepgres._wait_options(interval, text, text, jsonb, text) is
'Checks how the wait of a step may end, and returns this part of the column steps.wait; SG001.';
