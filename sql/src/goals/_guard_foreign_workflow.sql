create function stepgres._guard_foreign_workflow(workflow_slug text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from stepgres.workflow_versions as w
        where w.workflow_slug = _guard_foreign_workflow.workflow_slug and w.version > 0
            and w.tasks is null
    ) then
        raise exception 'workflow "%" was not made by task graphs',
            _guard_foreign_workflow.workflow_slug
            using errcode = 'SG007',
                hint = 'Choose another workflow_slug for the task graph, or leave it out.';
    end if;
end
$$;

comment on function stepgres._guard_foreign_workflow(text) is
'Raises SG007 for a workflow that was not made by task graphs: task graphs never change it.';
