create function stepgres._is_matched("wait" stepgres.waits, payload jsonb) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path text := ("wait").match::text;
begin
    if v_path is null then
        return true;
    elsif v_path !~ '\$"input"' then
        return stepgres._is_met(("wait").match, payload);
    end if;
    -- The path looks into two values. As a path into one value that has both, its cost is known.
    select string_agg(
        case t.token[1]
            when '$"input"' then '$."input"' when '$' then '$."payload"' else t.token[1]
        end, '' order by t.place
    ) into v_path
    from regexp_matches(v_path, '\$"input"|"(?:[^"\\]|\\.)*"|\$|[^"$]+', 'g')
        with ordinality as t (token, place);
    return stepgres._is_met(v_path::jsonpath, jsonb_build_object(
        'payload', payload,
        'input', (
            select i.input from stepgres._step_inputs as i
            where i.run_id = ("wait").run_id and i.step_slug = ("wait").step_slug
        )
    ));
exception when program_limit_exceeded or data_exception or internal_error then
    return false;
end
$$;

comment on function stepgres._is_matched(stepgres.waits, jsonb) is
'Says whether the payload of a signal meets the match of a wait.

A match that cannot be evaluated is not met: the signal stays unread, and list_signals shows it.';
