create function stepgres._child_option(
    workflow text, version int, timeout interval, culprit text
) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(workflow);
    v_problem text := case
        when workflow is null and version is not null then 'version is for steps with a workflow'
        when workflow is null then null
        when not stepgres._is_slug(v_slug)
            then format('workflow %s is not the slug of a workflow', to_jsonb(workflow))
        when version < 1 then 'version is at least 1'
        when timeout is not null then 'a step with a workflow has no timeout'
    end;
begin
    if v_problem is not null then
        raise exception '%: %', culprit, v_problem
            using errcode = 'SG001',
                hint = 'workflow names the workflow whose run is the body of the step, and version '
                    'pins its version. The time of the run is bounded by the deadline of its '
                    'workflow.';
    end if;
    return case when workflow is not null then jsonb_strip_nulls(
        jsonb_build_object('workflow', v_slug, 'version', version)
    ) end;
end
$$;

comment on function stepgres._child_option(text, int, interval, text) is
'Returns the workflow of a step as the column steps.child stores it; null if it has none.

SG001 names the culprit.';
