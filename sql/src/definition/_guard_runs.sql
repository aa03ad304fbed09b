create function stepgres._guard_runs() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from stepgres.runs as r where r.workflow_slug = old.workflow_slug) then
        raise exception 'workflow "%" has runs', old.workflow_slug
            using errcode = 'SG015',
                hint = 'delete_flow deletes a workflow together with its runs.';
    end if;
    return null;
end
$$;

comment on function stepgres._guard_runs() is
'Raises SG015 if a workflow is deleted without its runs.';
