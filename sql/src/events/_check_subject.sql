create function stepgres._check_subject(run_id uuid, workflow_slug text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if run_id is not null and workflow_slug is not null then
        raise exception 'run_id and workflow_slug cannot be combined'
            using errcode = 'SG003', hint = 'A run has one workflow: leave out the workflow_slug.';
    elsif length(workflow_slug) > 128 then
        raise exception 'the workflow_slug of a subscriber has % characters', length(workflow_slug)
            using errcode = 'SG003', hint = 'A slug has at most 128 characters.';
    end if;
end
$$;

comment on function stepgres._check_subject(uuid, text) is
'Raises SG003 for a subscriber of both a run and a workflow, or of a text too long for a slug.';
