create function stepgres.cancel_workflow_run(
    run_id uuid, reason text default 'User requested cancellation', force boolean default false
) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_active uuid[] := stepgres._lock_family(array[cancel_workflow_run.run_id]);
    v_run stepgres.runs := stepgres._find_run(cancel_workflow_run.run_id);
begin
    if v_run.status = 'completed' and force is not true then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.status = 'failed' or v_active is null then
        return;
    end if;
    perform stepgres._cancel_runs(v_active, cancel_workflow_run.reason);
end
$$;

comment on function stepgres.cancel_workflow_run(uuid, text, boolean) is
'Cancels a run and its child runs: they fail with this reason, and nothing of them is executed any more.

What is executing is not interrupted by SQL: its result is refused, and workers are told by their next heartbeat. A run
that has failed already is left as it is. One that is completed is an error, or with force left as it is too, but its
active child runs are cancelled.

Errors: SG005 unknown run, SG011 the run is completed.';
