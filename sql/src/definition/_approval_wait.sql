create function stepgres._approval_wait(
    approval jsonb, wait_for text, timeout interval, culprit text
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := format('%s, approval', culprit);
    v_own text[] := '{timeout,when_timeout,when_rejected,default_output}'::text[];
begin
    if approval is null then
        return null;
    elsif wait_for is not null or timeout is not null then
        raise exception '%: a step with an approval has no %',
            culprit, case when wait_for is null then 'timeout beside it' else 'wait_for' end
            using errcode = 'SG001',
                hint = 'Write the timeout into the approval. Give another wait a step of its own.';
    elsif jsonb_typeof(approval) = 'object' then
        perform stepgres._check_options(
            approval,
            '{"title": "string", "description": "string", "assignees": "array",
                "form": "object", "quorum": "integer", "timeout": "number",
                "when_timeout": "string", "when_rejected": "string",
                "default_output": "object or array or string or number or boolean"}',
            v_culprit
        );
    end if;
    return stepgres._approval(
        case when jsonb_typeof(approval) = 'object' then approval - v_own else approval end,
        v_culprit
    ) || stepgres._wait_options(
        stepgres._seconds(approval -> 'timeout'), approval ->> 'when_timeout',
        coalesce(approval ->> 'when_rejected', 'fail'),
        nullif(approval -> 'default_output', 'null'), v_culprit
    ) || '{"kind": "approval"}';
end
$$;

comment on function stepgres._approval_wait(jsonb, text, interval, text) is
'Returns the options of a step that is an approval as the column steps.wait stores them.

Returns null for another step. SG001 names the culprit.';
