create function stepgres._active_runs_of(workflow_slug text, force boolean) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := array(
        select a.run_id from stepgres.active_runs as a
        where a.workflow_slug = _active_runs_of.workflow_slug
        order by a.run_id
    );
begin
    if cardinality(v_run_ids) > 0 and force is not true then
        raise exception 'workflow "%" has active runs: %, the first is %',
            _active_runs_of.workflow_slug, cardinality(v_run_ids), v_run_ids[1]
            using errcode = 'SG015',
                hint = 'Wait for these runs, cancel them, or delete the workflow with force.';
    end if;
    return v_run_ids;
end
$$;

comment on function stepgres._active_runs_of(text, boolean) is
'Returns the active runs of a workflow that is to be deleted; raises SG015 for them without force.';
