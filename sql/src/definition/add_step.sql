create function stepgres.add_step(
    workflow_id text,
    step_name text,
    depends_on text[] default '{}',
    max_attempts int default null,
    base_delay interval default null,
    timeout interval default null,
    map boolean default false,
    initial_tasks int default null,
    execution text default null,
    queue text default null,
    priority int default null,
    resources jsonb default null,
    transactional boolean default false,
    sql_function text default null,
    start_delay interval default '0',
    condition text default null,
    unless text default null,
    when_unmet text default null,
    when_exhausted text default null,
    max_failed text default null,
    sticky boolean default false,
    start_at text default null,
    wait_for text default null,
    match text default null,
    key text default null,
    when_timeout text default null,
    default_output jsonb default null,
    durable boolean default false,
    workflow text default null,
    version int default null,
    approval jsonb default null,
    limits jsonb default null
) returns stepgres.step
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := format('workflow "%s", step "%s"', workflow_id, step_name);
    v_workflow stepgres.workflows;
    v_version stepgres.workflow_versions;
    v_step stepgres.steps;
    v_constraint text;
    v_column text;
begin
    -- Lock the workflow before the version: register_workflow and _use_version lock them in the
    -- same order.
    select w.* into v_workflow from stepgres.workflows as w
    where w.workflow_slug = stepgres._slug_of(add_step.workflow_id) for update;
    if not found then
        perform stepgres._find_version(add_step.workflow_id, null);
    end if;
    select w.* into v_version from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (v_workflow.workflow_slug, v_workflow.current_version)
    for no key update;
    if v_version.is_used then
        v_version := stepgres._copy_version(v_version);
    elsif v_version.fingerprint is not null or v_version.optimized_from is not null then
        update stepgres.workflow_versions as w
        set fingerprint = null, optimized_from = null, optimizations = null
        where (w.workflow_slug, w.version) = (v_version.workflow_slug, v_version.version);
    end if;

    v_step.workflow_slug := v_version.workflow_slug;
    v_step.version := v_version.version;
    v_step.step_slug := add_step.step_name;
    v_step.map := add_step.map or add_step.initial_tasks is not null;
    v_step.initial_tasks := add_step.initial_tasks;
    v_step.child := stepgres._child_option(
        add_step.workflow, add_step.version, add_step.timeout, v_culprit
    );
    -- A child run has attempts of its own.
    v_step.max_attempts := coalesce(
        add_step.max_attempts,
        case when v_step.child is not null then 1 else v_version.max_attempts end
    );
    v_step.base_delay := coalesce(stepgres._in_seconds(add_step.base_delay), v_version.base_delay);
    v_step.wait := stepgres._signal_wait(
        add_step.wait_for, add_step.match, add_step.key, stepgres._in_seconds(add_step.timeout),
        add_step.when_timeout, add_step.default_output, v_culprit
    );
    v_step.wait := coalesce(stepgres._approval_wait(
        add_step.approval, add_step.wait_for, stepgres._in_seconds(add_step.timeout), v_culprit
    ), v_step.wait);
    -- The timeout of a step that waits is that of its wait.
    v_step.timeout := coalesce(
        case when v_step.wait is null then stepgres._in_seconds(add_step.timeout) end,
        v_version.timeout
    );
    v_step.execution := coalesce(add_step.execution, v_version.execution);
    v_step.queue := coalesce(add_step.queue, v_version.queue);
    v_step.priority := coalesce(add_step.priority, v_version.priority);
    v_step.durable := nullif(add_step.durable, false);
    v_step.resources := coalesce(add_step.resources, v_version.resources)
        || stepgres._feature_resources(case when v_step.durable then '{durable}'::text[] end);
    v_step.transactional := add_step.transactional;
    v_step.sql_function := add_step.sql_function;
    v_step.start_delay := stepgres._in_seconds(add_step.start_delay);
    v_step.start_at := stepgres._json_path(add_step.start_at, 'start_at', v_culprit);
    v_step.condition := stepgres._json_path(add_step.condition, 'condition', v_culprit);
    v_step.unless := stepgres._json_path(add_step.unless, 'unless', v_culprit);
    v_step.when_unmet := coalesce(add_step.when_unmet, v_version.when_unmet);
    v_step.when_exhausted := coalesce(add_step.when_exhausted, v_version.when_exhausted);
    v_step.max_failed := add_step.max_failed;
    v_step.limits := stepgres._read_limits(add_step.limits, v_culprit);
    v_step.sticky := add_step.sticky;
    return stepgres._shown_step(stepgres._insert_step(v_step, coalesce(add_step.depends_on, '{}')));
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform stepgres._definition_error(v_constraint, v_culprit, v_column);
end
$$;

comment on function stepgres.add_step(
    text, text, text[], int, interval, interval, boolean, int, text, text, int, jsonb, boolean,
    text, interval, text, text, text, text, text, boolean, text, text, text, text, text, jsonb,
    boolean, text, int, jsonb, jsonb
) is
'Adds a step to a workflow and returns it; an option that is null is inherited from the workflow.

A version that has runs does not change: the step is added to a new version, and runs keep their
version.

Maps: a map step runs one task per element of its array. The array is the output of its one
dependency, or the input of the run if the step has no dependency. initial_tasks makes the step a
map of that many tasks, each of which gets the input of the step.

Scheduling: workers claim the ready steps of a queue by priority, the highest first. A worker claims
a step only if it has all of the resources of the step, such as {"gpu": true}. The tasks of a step
wait for its start_delay once the step is ready, or until start_at, a JSON path to a timestamp in
the input of the step. A sticky step goes to the worker that completes its
last dependency, in the same turn and ahead of all queued tasks, if the worker can take one task
more. Without sticky the worker gets one such step for each task that it completes, while no more
urgent task is queued.

Bodies: the writes of a transactional step are committed with its completion. A step with a
sql_function has this function as its body. The body of a durable step may wait, and keeps
checkpoints: see save_checkpoints.

Waits: a step with wait_for has no body. It waits for the signal of this name, and its output is
the payload: see send_signal. match is a JSON path over the payload that the signal must meet;
$input in it is the input of the step. key is a JSON path over the input of the step to the key of
the wait: see send_signal_by_key. timeout ends the wait, and when_timeout says how: "fail", "skip",
"skip-cascade", or "default", which completes the step with default_output. Without a timeout the
step waits as long as its run. A step with an approval has no body either: it waits until people
have decided with approve or reject. approval is an object: {"title": text, "description": text,
"assignees": [text], "form": a schema of the payload, "quorum": number, "timeout": seconds,
"when_timeout" and "default_output" as above, "when_rejected": "fail", "skip", "skip-cascade",
"default", or "continue", which completes the step}. The output is
{"approved": boolean, "payload": any value, "decisions": array}.

Child runs: the body of a step with a workflow is a run of this workflow, whose output is the output
of the step; with map there is a run for each element. version pins the version of the workflow. The
step has one attempt by default. A further attempt goes on where the last run failed.

Limits: a task of a step with limits starts only if each of these limits has room: see create_limit.

Conditions and retries: condition and unless are JSON paths over the input of the step. The step
starts if condition is met and unless is not. when_unmet says what happens to a step that may not
start, when_exhausted what happens to a task without attempts left: "fail", "skip" or
"skip-cascade". max_failed, "3" or "25%", limits how many tasks of a map may be skipped.

Errors: SG001 bad slug or option, unknown dependency, duplicate step; SG002 unknown workflow; SG036
unknown limit.';
