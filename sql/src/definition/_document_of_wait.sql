create function stepgres._document_of_wait(step stepgres.steps) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The fingerprint of a workflow without waits is the same as before there were waits: keys that
    -- only waiting steps need are left out of all other steps.
    return case
        when step.start_at is null then '{}'
        else jsonb_build_object('start_at', step.start_at)
    end || case
        when step.wait is null then '{}'
        when step.wait ->> 'kind' = 'approval'
            then jsonb_build_object('approval', step.wait - 'kind', 'timeout', null)
        else step.wait - '{kind,signal}'::text[] || jsonb_build_object(
            'wait_for', step.wait -> 'signal', 'timeout', step.wait -> 'timeout'
        )
    end;
end
$$;

comment on function stepgres._document_of_wait(stepgres.steps) is
'Returns the options of a step that say what it waits for, as the document of a workflow has them.';
