create function stepgres._guard_order() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from stepgres.steps as s
        join stepgres.steps as d on (d.workflow_slug, d.version) = (s.workflow_slug, s.version)
        where (s.workflow_slug, s.version, s.step_slug)
            = (new.workflow_slug, new.version, new.step_slug)
            and d.step_slug = new.depends_on and d.step_index >= s.step_index
    ) then
        raise exception 'workflow "%", step "%" cannot depend on "%", which is not an earlier step',
            new.workflow_slug, new.step_slug, new.depends_on
            using errcode = 'SG001',
                hint = 'A step depends only on steps with a lower step_index, so no cycle exists.';
    end if;
    return null;
end
$$;

comment on function stepgres._guard_order() is
'Raises SG001 for a dependency on a step that is not earlier in step_index; so no cycle exists.';
