create function stepgres._workflow_not_found(workflow_slug text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'workflow "%" does not exist', workflow_slug
        using errcode = 'SG002', hint = coalesce(
            'Known workflows: ' || (
                select string_agg(w.workflow_slug, ', ')
                from (select k.workflow_slug from stepgres.workflows as k order by k.created_at desc limit 10) as w
            ) || '.',
            'There are no workflows yet: define one with register_workflow or create_flow.'
        );
end
$$;

comment on function stepgres._workflow_not_found(text) is
'Raises SG002 with the names that do exist.';
