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
    parent_run_id uuid default null,
    unique_key text default null,
    if_running text default 'return',
    debounce interval default null,
    debounce_max interval default null,
    traceparent text default null
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    if num_nonnulls(unique_key, debounce, debounce_max) > 0 or if_running <> 'return' then
        v_run.workflow_slug := start_workflow_run.workflow_slug;
        v_run.version := start_workflow_run.version;
        v_run.executor_id := start_workflow_run.executor_id;
        v_run.priority := start_workflow_run.priority;
        v_run.deadline := start_workflow_run.deadline;
        v_run.tags := start_workflow_run.tags;
        v_run.parent_run_id := start_workflow_run.parent_run_id;
        v_run.traceparent := start_workflow_run.traceparent;
        v_run.run_id := start_workflow_run.run_id;
        v_run.input := start_workflow_run.input;
        v_run.idempotency_key := start_workflow_run.idempotency_key;
        v_run.unique_key := start_workflow_run.unique_key;
        return stepgres._start_unique_run(
            v_run, coalesce(if_running, 'return'), start_workflow_run.delay, debounce, debounce_max
        );
    end if;
    v_run := stepgres._new_run(
        start_workflow_run.workflow_slug, start_workflow_run.version,
        start_workflow_run.executor_id,
        start_workflow_run.priority, start_workflow_run.delay, start_workflow_run.deadline,
        start_workflow_run.tags, start_workflow_run.parent_run_id, start_workflow_run.traceparent
    );
    v_run.run_id := start_workflow_run.run_id;
    v_run.input := start_workflow_run.input;
    v_run.idempotency_key := start_workflow_run.idempotency_key;
    return stepgres._start_run(v_run, start_workflow_run.delay);
end
$$;

comment on function stepgres.start_workflow_run(
    text, jsonb, uuid, text, int, text, int, interval, interval, text[], uuid, text, text, interval,
    interval, text
) is
'Starts a run of a workflow, in the transaction of the caller, and returns its run_id.

If the idempotency_key was used for this workflow before, nothing is started, and the run_id of the
first run is returned. Without a version, the current version is started. executor_id is a worker
that executes the local steps itself; without an executor, every step goes through its queue.
priority replaces the priorities of the steps.

After a delay the run begins. The run fails if it has not ended within its deadline from then on;
without a deadline, the deadline of the workflow applies. tags are for list_workflow_runs.
Cancelling a run also cancels the runs that name it as parent_run_id.

With a unique_key, the workflow has one active run with this key. If there is one, if_running says
what happens: return returns its run_id and starts nothing; reject raises SG038, with its run_id as
the detail; cancel cancels it and its child runs, and starts the new run. Starts at the same time
are one start. The end of a run frees its key.

With debounce, the run begins after this time, and each further start with this unique_key and
debounce replaces its input, moves its start to debounce from then on, and returns its run_id. Its
other options stay. debounce_max bounds the wait since the first of these starts. A run that has
begun is left alone: one more run waits behind it, and begins when the active run has ended.

The idempotency_key comes first: if it was used, no unique_key is looked at. Only a start that makes
a run uses the idempotency_key and the run_id.

traceparent, as W3C Trace Context writes it, lets workers trace the run: get_traceparents.

Errors: SG001 the workflow has no steps, SG002 the workflow or version is unknown or is being
deleted, SG003 input is null or not the array that a root map needs, a delay, deadline or priority
is out of range, an idempotency_key, unique_key or tag has more than 2,000 bytes, if_running or
debounce contradicts another argument, traceparent is malformed, SG005 unknown parent, SG006 unknown
executor, SG009 run_id is taken, SG011 the parent has ended, SG037 a limit has no room for the run,
and on_limit of the workflow is reject, SG038 an active run has the unique_key.';
