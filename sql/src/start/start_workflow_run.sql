create function stepgres.start_workflow_run(
    workflow_slug text,
    input jsonb,
    run_id uuid default null,
    idempotency_key text default null,
    version int default null,
    executor_id text default null,
    priority int default null,
    delay interval default null,
    deadline interval default null,
    tags text[] default null,
    parent_run_id uuid default null
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._new_run(
        start_workflow_run.workflow_slug, start_workflow_run.version,
        start_workflow_run.executor_id,
        start_workflow_run.priority, start_workflow_run.delay, start_workflow_run.deadline,
        start_workflow_run.tags, start_workflow_run.parent_run_id
    );
begin
    v_run.run_id := start_workflow_run.run_id;
    v_run.input := start_workflow_run.input;
    v_run.idempotency_key := start_workflow_run.idempotency_key;
    return stepgres._start_run(v_run, start_workflow_run.delay);
end
$$;

comment on function stepgres.start_workflow_run(
    text, jsonb, uuid, text, int, text, int, interval, interval, text[], uuid
) is
'Starts a run of a workflow, in the transaction of the caller, and returns its run_id.

If the idempotency_key was used for this workflow before, nothing is started, and the run_id of the
first run is returned. Without a version, the current version is started. executor_id is a worker
that executes the local steps itself; without an executor, every step goes through its queue.
priority replaces the priorities of the steps.

After a delay the run begins. The run fails if it has not ended within its deadline from then on;
without a deadline, the deadline of the workflow applies. tags are for list_workflow_runs.
Cancelling a run also cancels the runs that name it as parent_run_id.

Errors: SG001 the workflow has no steps, SG002 the workflow or version is unknown or is being
deleted, SG003 input is null or not the array that a root map needs, a delay, deadline or priority
is out of range, an idempotency_key or tag has more than 2,000 bytes, SG005 unknown parent, SG006
unknown executor, SG009 run_id is taken, SG011 the parent has ended.';
