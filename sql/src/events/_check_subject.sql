create function stepgres._check_subject(run_id uuid, workflow_slug text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if run_id is not null and workflow_slug is not null then
        raise exception 'events are those of a run or of a workflow, not of both'
            using errcode = 'SG003', hint = 'A run has one workflow: leave out the workflow_slug.';
    elsif length(workflow_slug) > 128 then
        raise exception 'the workflow_slug of a subscriber has % characters', length(workflow_slug)
            using errcode = 'SG003', hint = 'A slug has at most 128 characters.';
    end if;
end
$$;

comment on function stepgres._check_subject(uuid, text) is
'Raises SG003 for a subscriber to a run and to a workflow, or to what cannot be a workflow.';
