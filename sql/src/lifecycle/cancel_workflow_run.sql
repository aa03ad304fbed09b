create function stepgres.cancel_workflow_run(
    run_id uuid, reason text default 'User requested cancellation', force boolean default false
) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_family stepgres._family := stepgres._lock_families(array[cancel_workflow_run.run_id]);
    v_run stepgres.runs := stepgres._find_run(cancel_workflow_run.run_id);
begin
    if v_run.status = 'completed' and force is not true then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.status <> 'failed' then
        perform stepgres._cancel_families(
            array[v_run.run_id], v_family, cancel_workflow_run.reason
        );
    end if;
end
$$;

comment on function stepgres.cancel_workflow_run(uuid, text, boolean) is
'Cancels a run and its child runs: they fail with this reason, and no more of their tasks execute.

SQL does not interrupt a task that is executing: the result of the task is refused, and the next
heartbeat tells the worker. A run that has already failed does not change. A completed run is an
error. With force a completed run is no error and does not change, but its active child runs are
cancelled. If there are more than 1,000 child runs, tick cancels them soon after.

Errors: SG005 unknown run, SG011 the run is completed.';
