create type stepgres.work_item as (
    run_id uuid,
    workflow_slug text,
    workflow_version int,
    step_slug text,
    task_index int,
    attempt int,
    claim int,
    input jsonb,
    timeout interval,
    transactional boolean,
    sql_function text,
    priority int,
    is_last_attempt boolean,
    must_begin boolean,
    is_refused boolean,
    checkpoints jsonb
);

comment on type stepgres.work_item is
'A task to execute, or (is_refused) the key of a task that is not leased to the caller any more.

Stepgres refuses the result of a task that is not leased to its sender in the claim of the result.
If is_last_attempt, the task is exhausted when this attempt fails. If must_begin, a worker died that
had claimed the task ahead: a worker that cannot begin the task at once should release it.
complete_task completes a transactional task in the transaction of its writes. The task of a step in
SQL is completed in the same way: its sql_function is called with the input.

checkpoints, for a durable step only, is {"list": what the body has done, "after"}. The elements of
list are those of list_checkpoints, about 256 KB of them. If after is not null, list_checkpoints
returns the others.';

create type stepgres.run_status as (
    status text,
    details jsonb,
    failed_step text,
    error_type text,
    traceback text
);

comment on type stepgres.run_status is
'The status of a run: completed, failed or in_progress.

The details are the output of a completed run, the error of a failed run, or the counts of a run
in progress. error_type and traceback belong to the attempt that failed the run, if an attempt
did.';

create type stepgres.run_event as (
    event_type text,
    run_id uuid,
    workflow_slug text,
    task_graph_id text,
    step_slug text,
    task_index int,
    attempt int,
    occurred_at timestamptz,
    error text
);

comment on type stepgres.run_event is
'An event of a run, or of a task graph that is not a run yet (run_id null).

The view run_events lists the types.';

create type stepgres.flow as (
    workflow_slug text,
    current_version int,
    step_count int,
    created_at timestamptz
);

comment on type stepgres.flow is
'A workflow as list_flows shows it.';

create type stepgres.workflow_version as (
    workflow_slug text,
    version int,
    is_current boolean,
    is_used boolean,
    step_count int,
    active_runs int,
    optimized_from int,
    optimizations jsonb,
    created_at timestamptz
);

comment on type stepgres.workflow_version is
'A version of a workflow as list_workflow_versions shows it.

is_current: new runs get the version. is_used: runs have used the version, so it cannot change.
active_runs is the number of active runs that use the version.';

create type stepgres.composition_stats as (
    task_graphs bigint,
    decomposed bigint,
    approved bigint,
    rejected bigint,
    runs bigint,
    in_progress bigint,
    completed bigint,
    failed bigint,
    mean_duration interval,
    longest_duration interval
);

comment on type stepgres.composition_stats is
'Counts of task graphs and of their runs, with the durations of completed runs from start to end.';

create type stepgres.step_statistics as (
    step_slug text,
    runs bigint,
    tasks bigint,
    failures bigint,
    retries bigint,
    recovered bigint,
    exhausted bigint,
    timeouts bigint,
    longest_timeout interval,
    p50_duration interval,
    p95_duration interval,
    p99_duration interval,
    p50_wait interval,
    p95_wait interval,
    p50_elapsed interval
);

comment on type stepgres.step_statistics is
'Statistics of a step over its completed and its exhausted tasks.

tasks is the number of completed tasks, exhausted the number of exhausted tasks, in so many runs.
failures are failed attempts. timeouts are the failures that lasted as long as their timeout;
longest_timeout is the longest of these timeouts. retries are attempts after the first; recovered
is the number of retries that completed their task. A duration is the time from the claim to the
completion of a task, in the attempt that completed it. A wait is the time from when the task was
queued until this claim. elapsed is the time from the first claim of a task of the step to the end
of its last task.';

create type stepgres.recommendation as (
    step_slug text,
    option text,
    current jsonb,
    recommended jsonb,
    reason text
);

comment on type stepgres.recommendation is
'A recommended value for an option of a step or of a workflow, with the reason for it in figures.

An option of the workflow has no step_slug. Durations are in seconds. A row without an option
gives the reason why there is no recommendation.';

create type stepgres._option_value as (step_slug text, option text, value jsonb);

create type stepgres._advice as (step_slug text, option text, value jsonb, reason text);

create type stepgres._time_left as (
    step_slug text,
    seconds float8,
    rival text,
    rival_seconds float8
);

create type stepgres.fsck_violation as (
    invariant text,
    run_id uuid,
    detail text
);

comment on type stepgres.fsck_violation is
'A violated invariant, the run in which fsck found it, and the details.';

create type stepgres._step_key as (run_id uuid, step_slug text);

create type stepgres._task_key as (run_id uuid, step_slug text, task_index int);

create type stepgres._new_task as (run_id uuid, step_slug text, task_index int, input jsonb);

create type stepgres._task_failure as (
    run_id uuid,
    step_slug text,
    task_index int,
    attempt int,
    error text,
    retryable boolean,
    retry_after interval,
    output jsonb,
    error_type text,
    traceback text
);

create type stepgres._task_release as (
    run_id uuid,
    step_slug text,
    task_index int,
    retry_after interval
);

create type stepgres._exhausted_task as (
    run_id uuid,
    step_slug text,
    task_index int,
    error text,
    policy text
);

create type stepgres._skip as (
    run_id uuid,
    step_slug text,
    skip_reason text,
    error text,
    is_cascade boolean
);

create type stepgres._run_failure as (run_id uuid, step_slug text, error text);

create type stepgres._added_goal_tasks as (run_id uuid, step_slug text, tasks jsonb);

-- A body that has let go; waits_for are the waits that it goes on after, null: any of its waits.
create type stepgres._suspended_task as (
    run_id uuid,
    step_slug text,
    task_index int,
    attempt int,
    waits_for bigint[] -- noqa: LT01
);

-- noqa: disable=LT01
-- (sqlfluff takes the brackets behind a qualified name for an index)
create type stepgres._task_log as (
    run_id uuid,
    step_slug text,
    task_index int,
    attempt int,
    lines jsonb
);

create type stepgres._task_trace as (
    run_id uuid,
    step_slug text,
    task_index int,
    traceparent text
);

create type stepgres._outcome as (
    accepted bigint[],
    failures stepgres._task_failure[],
    released stepgres._task_release[],
    added stepgres._added_goal_tasks[],
    completed_steps stepgres._step_key[],
    completed_ends stepgres._step_key[],
    changed_maps stepgres._step_key[],
    suspended stepgres._suspended_task[],
    restarted stepgres._new_task[],
    left_bodies stepgres._task_key[],
    limited stepgres._task_key[],
    completed bigint,
    executions bigint,
    waited interval,
    ran interval,
    logs stepgres._task_log[],
    traces stepgres._task_trace[]
);

create type stepgres._queue_position as (
    first bigint, next bigint, next_after bigint, search_at bigint
);

create type stepgres._room as (capacity int, begins int);

create type stepgres._applied as (refused bigint[], handed stepgres.work_item[]);

create type stepgres._handed as (
    items stepgres.work_item[],
    left_tasks stepgres._new_task[]
);

create type stepgres._claimed as (
    items stepgres.work_item[],
    row_ids tid[],
    resumed stepgres._task_key[]
);

create type stepgres.workflow_run as (
    run_id uuid,
    workflow_slug text,
    version int,
    status text,
    input jsonb,
    output jsonb,
    error text,
    failed_step text,
    priority int,
    tags text[],
    idempotency_key text,
    parent_run_id uuid,
    retried_from uuid,
    task_graph_id text,
    inserted_at timestamptz,
    paused_at timestamptz,
    cancelled_at timestamptz,
    finished_at timestamptz,
    forked_from uuid,
    unique_key text,
    payloads_deleted_at timestamptz,
    failure_of uuid
);

comment on type stepgres.workflow_run is
'A run as list_workflow_runs shows it.

payloads_deleted_at is not null if input and output are null because the option keep of the workflow
lets them go before the run. failure_of is the failed run that the run was started
for, as the option on_failure of its workflow says.';

create type stepgres.run_count as (
    workflow_slug text,
    status text,
    runs bigint,
    paused bigint,
    cancelled bigint
);

comment on type stepgres.run_count is
'The number of runs of a workflow with a status; paused and cancelled are parts of this number.';

create type stepgres.worker_info as (
    worker_id text,
    queues text[],
    resources jsonb,
    lease interval,
    registered_at timestamptz,
    heartbeat_at timestamptz,
    is_alive boolean,
    tasks bigint,
    slots int,
    is_waiting boolean,
    knows jsonb,
    executes jsonb
);

comment on type stepgres.worker_info is
'A worker as list_workers shows it; tasks is the number of tasks that it executes.

slots is the number of tasks that it can execute at a time; null if it has not said so.
is_waiting is true if it found nothing to do. knows is the code that it knows: see register_worker.
executes are its 20 oldest tasks: run_id, workflow_slug, step_slug, task_index, started_at.';

create type stepgres.queue_info as (
    queue text,
    tasks bigint,
    oldest_at timestamptz,
    workers bigint,
    paused_at timestamptz,
    parts jsonb
);

comment on type stepgres.queue_info is
'A queue as list_queues shows it: its ready tasks and its live workers.

oldest_at is the time since which the first of the tasks waits. parts are the 50 most urgent
parts that have tasks: priority, resources, lane, tasks, oldest_at.';

create type stepgres.channel_info as (
    channel text,
    messages bigint,
    oldest_at timestamptz,
    created_at timestamptz
);

comment on type stepgres.channel_info is
'A channel as list_channels shows it: the number of its messages that are not acknowledged.

oldest_at is the time at which the first of these messages was sent.';

create type stepgres.run_batch as (
    run_ids uuid[],
    more boolean,
    after uuid,
    until timestamptz
);

comment on type stepgres.run_batch is
'The runs that a call has changed, and whether there are more runs to change.

To go on, pass after and until to the next call.';

create type stepgres.critical_step as (
    step_slug text,
    task_index int,
    status text,
    started_at timestamptz,
    finished_at timestamptz,
    queued interval,
    limited interval,
    waited interval,
    retrying interval,
    running interval
);

comment on type stepgres.critical_step is
'A step on the critical path of a run, and where its time went: see critical_path.

task_index is the task of the step that took longest; null: the step has no task. started_at is the
end of the step before it on the path, or the start of the run. finished_at is null if the step has
not finished. The five durations add up to the time between.';

create type stepgres.stuck_step as (
    step_slug text,
    task_index int,
    waits_for text,
    detail text,
    until timestamptz
);

comment on type stepgres.stuck_step is
'The reason why a step of a run waits, and until when it waits.

waits_for is dependency, start, child, signal, sleep, timer, pause, executor, queue, resource,
feature, knowledge, worker or lease.';

-- A goal task or group, and its place in the graph. scopes are the prefixes by which its
-- dependencies are looked up, from its own group outwards.
create type stepgres._goal_task as (
    place bigint,
    path text,
    parent text,
    depth int,
    scopes text[],
    is_group boolean,
    document jsonb
);

create type stepgres._goal_dependency as (
    path text,
    dependency_index bigint,
    named text,
    depends_on text
);

-- A new run that goes on with what another run has done. The steps in fresh begin anew, and so do
-- the bodies of the steps in fresh_bodies. outputs are new outputs of steps, by their names.
create type stepgres._run_copy as (
    run_id uuid,
    source uuid,
    fresh text[], -- noqa: LT01
    fresh_bodies text[], -- noqa: LT01
    outputs jsonb
);
