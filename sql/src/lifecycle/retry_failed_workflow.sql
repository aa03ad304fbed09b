create function stepgres.retry_failed_workflow(
    run_id uuid,
    skip_completed boolean default true,
    reset_all boolean default false,
    executor_id text default null,
    idempotency_key text default null
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
    v_retry stepgres.runs;
    v_new_id uuid;
begin
    perform stepgres._lock_retried(array[retry_failed_workflow.run_id]);
    v_run := stepgres._lock_run(retry_failed_workflow.run_id);
    if idempotency_key is not null then
        perform stepgres._check_labels(idempotency_key, null);
        select r.* into v_retry from stepgres.runs as r
        where r.workflow_slug = v_run.workflow_slug
            and r.idempotency_key = retry_failed_workflow.idempotency_key;
        if v_retry.retried_from = v_run.run_id then
            return v_retry.run_id;
        end if;
    end if;
    if v_run.status <> 'failed' and reset_all is not true then
        raise exception 'run % has not failed: it is %', v_run.run_id, v_run.status
            using errcode = 'SG013',
                hint = 'Pass reset_all to start any run again from its beginning.';
    end if;
    perform stepgres._refuse_without_payloads(v_run);
    v_new_id := (stepgres._retry_runs(
        array[v_run.run_id],
        retry_failed_workflow.skip_completed and reset_all is not true,
        retry_failed_workflow.executor_id,
        idempotency_key => retry_failed_workflow.idempotency_key
    ))[1];
    if v_new_id is null then
        raise exception
            'a run of workflow "%" that is no retry of run % has the idempotency_key "%"',
            v_run.workflow_slug, v_run.run_id, idempotency_key
            using errcode = 'SG009', hint = 'Use another key: a key is for one call, repeated.';
    end if;
    return v_new_id;
end
$$;

comment on function stepgres.retry_failed_workflow(uuid, boolean, boolean, text, text) is
'Retries a failed run: starts a new run of the same version and input, and returns the new run_id.

Completed and skipped steps are copied with their outputs, and do not execute again. Of a
half-finished map only the tasks without an output execute. A child run that has failed is retried
in the same way when its step starts; a child run that has completed is kept. With reset_all, or
with skip_completed false, all steps execute again. reset_all also takes runs that have not failed.
The new run has the priority, tags and deadline of the old run, and its retried_from is the run_id
of the old run. executor_id is as for start_workflow_run. If the run was retried with the
idempotency_key before, nothing is started, and the run_id of that retry is returned. The new run
takes over the unique_key of the old run.

Errors: SG003 an idempotency_key of more than 2,000 bytes, SG005 unknown run, SG006 unknown
executor, SG009 another run of the workflow has the idempotency_key, SG013 the run has not failed,
SG038 an active run has the unique_key, SG040 its payloads were deleted.';
