create function stepgres.retry_failed_workflow(
    run_id uuid,
    skip_completed boolean default true,
    reset_all boolean default false,
    executor_id text default null
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    perform stepgres._lock_retried(array[retry_failed_workflow.run_id]);
    v_run := stepgres._lock_run(retry_failed_workflow.run_id);
    if v_run.status <> 'failed' and reset_all is not true then
        raise exception 'run % has not failed: it is %', v_run.run_id, v_run.status
            using errcode = 'SG013',
                hint = 'Pass reset_all to start any run again from its beginning.';
    end if;
    perform stepgres._refuse_without_payloads(v_run);
    return (stepgres._retry_runs(
        array[v_run.run_id],
        retry_failed_workflow.skip_completed and reset_all is not true,
        retry_failed_workflow.executor_id
    ))[1];
end
$$;

comment on function stepgres.retry_failed_workflow(uuid, boolean, boolean, text) is
'Retries a failed run: starts a new run of the same version and input, and returns the new run_id.

Completed and skipped steps are copied with their outputs, and do not execute again. Of a
half-finished map only the tasks without an output execute. A child run that has failed is retried
in the same way when its step starts; a child run that has completed is kept. With reset_all, or
with skip_completed false, all steps execute again. reset_all also takes runs that have not failed.
The new run has the priority, tags and deadline of the old run, and its retried_from is the run_id
of the old run. executor_id is as for start_workflow_run.

Errors: SG005 unknown run, SG006 unknown executor, SG013 the run has not failed, SG040 its
payloads were deleted.';
