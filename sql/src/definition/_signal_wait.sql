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
begin
    if wait_for is null then
        if v_stray is not null then
            raise exception '%: % is for steps with wait_for', culprit, v_stray
                using errcode = 'SG001',
                    hint = 'wait_for names the signal that the step waits for.';
        end if;
        return null;
    end if;
    if not stepgres._is_signal(wait_for) then
        raise exception '%: wait_for % is not the name of a signal', culprit, to_jsonb(wait_for)
            using errcode = 'SG001',
                hint = 'A name has 1 to 128 letters, digits, and "_", ".", ":", "-".';
    end if;
    return jsonb_strip_nulls(jsonb_build_object(
        'kind', 'signal',
        'signal', wait_for,
        'match', stepgres._json_path(_signal_wait.match, 'match', culprit, array['input']),
        'key', stepgres._json_path(_signal_wait.key, 'key', culprit)
    )) || stepgres._wait_options(timeout, when_timeout, null, default_output, culprit);
end
$$;

comment on function stepgres._signal_wait(
    text, text, text, interval, text, jsonb, text
) is
'Returns the options of a step that waits for a signal as the column steps.wait stores them.

Returns null for a step that waits for no signal. SG001 names the culprit.';
