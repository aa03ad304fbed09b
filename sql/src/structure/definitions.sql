create table stepgres.workflows (
    workflow_slug text primary key,
    current_version int not null,
    created_at timestamptz not null,
    constraint workflow_slug_is_slug check (workflow_slug::stepgres.slug is not null)
);

comment on table stepgres.workflows is
'Holds the workflows by slug, each with the version that new runs get.';

create table stepgres.workflow_versions (
    workflow_slug text not null references stepgres.workflows on delete cascade,
    version int not null,
    max_attempts stepgres.max_attempts not null,
    base_delay stepgres.base_delay not null,
    timeout stepgres.timeout not null,
    execution stepgres.execution not null,
    queue stepgres.queue not null,
    priority stepgres.priority not null,
    resources stepgres.resources not null,
    when_unmet stepgres.when_unmet not null,
    when_exhausted stepgres.when_exhausted not null,
    deadline stepgres.deadline,
    events stepgres.events not null default 'none',
    max_parallel stepgres.max_parallel,
    fingerprint text,
    tasks jsonb,
    optimized_from int,
    optimizations jsonb,
    is_used boolean not null default false,
    created_at timestamptz not null,
    schedule jsonb,
    limits jsonb,
    on_limit text,
    on_failure text,
    primary key (workflow_slug, version),
    constraint version_is_optimized check ((optimized_from is null) = (optimizations is null))
);

comment on table stepgres.workflow_versions is
'Holds the versions of workflows with the defaults of their steps.

A version is immutable once a run uses it (is_used).';
comment on column stepgres.workflow_versions.events is
'The events that runs send as messages on the channel workflow_events: none, run or task.
run stands for the events of runs, task for the events of runs and of their tasks.';
comment on column stepgres.workflow_versions.deadline is
'A run fails if it has not ended within this time; null: there is no limit.';
comment on column stepgres.workflow_versions.max_parallel is
'How many local tasks of a run its executor has under way at a time; null: as many as it can.';
comment on column stepgres.workflow_versions.optimized_from is
'The version that optimize_workflow made this version from; null for a version as it was defined.';
comment on column stepgres.workflow_versions.optimizations is
'The options that optimize_workflow changed: {step: {option: value}}.
Options of the workflow stand under the empty name. Durations are in seconds.';
comment on column stepgres.workflow_versions.schedule is
'The schedule that is in force while the version is current, with all of its options.';
comment on column stepgres.workflow_versions.limits is
'The limits of runs: [{"limit", "key", "weight", "fair_by"}], with JSON paths over the input.';
comment on column stepgres.workflow_versions.on_limit is
'queue, reject or cancel_oldest: what happens to a run without room; null: it has no limits.';
comment on column stepgres.workflow_versions.on_failure is
'The workflow that is started for each run that fails; null: no workflow.';
comment on column stepgres.workflow_versions.tasks is
'The nested goal tasks that the version was made from, each with its step_slug.
They are the task graph to which runs may add goal tasks.';
comment on column stepgres.workflow_versions.fingerprint is
'Definitions that mean the same have the same fingerprint.
An optimized version has the fingerprint of its definition. The fingerprint is null for a version
that create_flow and add_step made.';

-- Each turn asks whether any workflow sends events at all.
create index versions_with_events on stepgres.workflow_versions (workflow_slug, version)
where events <> 'none';

-- A run that adds goal tasks moves to a version of its own, with a negative number. Choosing the
-- number needs no lock. No new run gets this version, and it is deleted with its run.
create sequence stepgres._own_versions as int;

create table stepgres.sql_functions (
    sql_function text primary key,
    registered_at timestamptz not null
);

comment on table stepgres.sql_functions is
'Holds the SQL functions, f(jsonb) returns jsonb, that steps may name as their body.

An admin registers them with register_sql_function.';

create table stepgres.steps (
    workflow_slug text not null,
    version int not null,
    step_slug text not null,
    step_index int not null,
    dependency_count int not null,
    map boolean not null,
    initial_tasks stepgres.initial_tasks,
    feeds_map text,
    is_direct boolean not null,
    is_leaf boolean not null,
    max_attempts stepgres.max_attempts not null,
    base_delay stepgres.base_delay not null,
    timeout stepgres.timeout not null,
    execution stepgres.execution not null,
    queue stepgres.queue not null,
    priority stepgres.priority not null,
    resources stepgres.resources not null,
    start_delay stepgres.start_delay not null,
    condition jsonpath,
    unless jsonpath,
    when_unmet stepgres.when_unmet not null,
    when_exhausted stepgres.when_exhausted not null,
    max_failed stepgres.max_failed,
    transactional boolean not null,
    sticky boolean not null,
    sql_function text constraint sql_function_is_registered references stepgres.sql_functions,
    gathers text[],
    start_at jsonpath,
    wait jsonb,
    durable boolean,
    child jsonb,
    limits jsonb,
    constraint step_is_defined_once primary key (workflow_slug, version, step_slug),
    constraint step_has_its_place unique (step_index, workflow_slug, version),
    foreign key (workflow_slug, version) references stepgres.workflow_versions on delete cascade,
    constraint step_slug_is_slug check (step_slug::stepgres.slug is not null),
    constraint map_has_one_source check (
        not map or initial_tasks is not null or dependency_count <= 1
    ),
    constraint initial_tasks_makes_a_map check (map or initial_tasks is null),
    constraint max_failed_is_for_skipping_maps check (
        max_failed is null or (map and when_exhausted = 'skip')
    ),
    constraint gathers_names_each_dependency check (
        gathers is null or (
            dependency_count > 0 and cardinality(gathers) = dependency_count
            and array_position(gathers, null) is null
        )
    ),
    constraint gathering_is_all_that_it_does check (
        gathers is null or (
            not map and not transactional and sql_function is null
            and condition is null and unless is null and start_delay = '0' and start_at is null
            and wait is null
        )
    ),
    constraint start_is_delayed_once check (start_at is null or start_delay = '0'),
    constraint waiting_is_all_that_it_does check (
        wait is null or (
            not map and not transactional and not sticky and sql_function is null
            and start_delay = '0' and start_at is null
        )
    ),
    constraint durable_step_has_a_body check (
        durable is null
        or (
            durable and not transactional and sql_function is null and gathers is null
            and wait is null and child is null
        )
    ),
    constraint limited_step_has_a_body check (
        limits is null or (gathers is null and wait is null and child is null)
    ),
    constraint child_is_all_that_it_does check (
        child is null or (
            not transactional and not sticky and sql_function is null and gathers is null
            and wait is null
        )
    )
);

comment on table stepgres.steps is
'Holds the steps of workflow versions with their options; step_index is a topological order.';
comment on column stepgres.steps.initial_tasks is
'The number of tasks of a map step that has no array: each task gets the input of the step.';
comment on column stepgres.steps.resources is
'The resources that a worker needs to execute the step, such as {"gpu": true}.
A feature that the worker needs stands here too: see _feature_resources.';
comment on column stepgres.steps.is_direct is
'The step can start as soon as it is ready, without a look at its options.
A direct step is no map, gathers nothing, waits for nothing, starts no child run, and has neither
condition, unless, start_delay nor start_at.';
comment on column stepgres.steps.is_leaf is
'No step depends on the step: its output is a part of the output of the run.';
comment on column stepgres.steps.start_delay is
'How long the tasks of the step wait after the step has become ready.';
comment on column stepgres.steps.start_at is
'The JSON path in the input of the step to the time at which the tasks of the step are queued.';
comment on column stepgres.steps.wait is
'The step has no body: it waits. {"kind": "signal", "signal", "match", "key", "timeout",
"when_timeout", "default_output"}, or {"kind": "approval", "title", "description", "assignees",
"form", "quorum", "timeout", "when_timeout", "when_rejected", "default_output"}; keys without a
value are left out.';
comment on column stepgres.steps.child is
'The body of the step is a run of this workflow: {"workflow", "version"}.
Without a version, it is the version that is current when the run starts.';
comment on column stepgres.steps.limits is
'The limits of the tasks: [{"limit", "key", "weight", "fair_by"}], with JSON paths over the input.';
comment on column stepgres.steps.condition is
'The step starts only if this JSON path finds a value other than false and null in its input.';
comment on column stepgres.steps.unless is
'The step starts only if this JSON path finds no value other than false and null in its input.';
comment on column stepgres.steps.when_unmet is
'The action for a step whose condition or unless keeps it from starting.
fail: the step and its run fail. skip: the step is skipped, and its dependents start without it.
skip-cascade: the step and all its dependents are skipped.';
comment on column stepgres.steps.when_exhausted is
'The action for a task without attempts left: fail, skip or skip-cascade.
skip: the run goes on without the output of the task. skip-cascade: the step and all its
dependents are skipped.';
comment on column stepgres.steps.max_failed is
'How many tasks of a map may be skipped, as a number or a percentage; null: all of them.
One skipped task more fails the step.';
comment on column stepgres.steps.transactional is
'The step gets a connection, and its writes there are committed together with its completion.';
comment on column stepgres.steps.sticky is
'The worker that completes the last dependency gets the task in the same turn, without a ticket.
The worker must have room for one task more; otherwise the task gets a ticket.';
comment on column stepgres.steps.sql_function is
'The SQL function that is the body of the step; any worker may call it.
The worker calls the function with its own rights, in the transaction that completes the task.';
comment on column stepgres.steps.gathers is
'The step has no body: it completes with the object of the outputs of its dependencies.
The array has a name for each dependency, in the order of depends_on. The output of a dependency
stands under its name.';
comment on column stepgres.steps.durable is
'The body of the step may wait, and keeps checkpoints; null: the step is not durable.';
comment on column stepgres.steps.feeds_map is
'The map step that maps over the output of this single step, which must therefore be an array.';

-- Definition functions raise the comment of a violated constraint, so each rule has one wording.
comment on constraint step_is_defined_once on stepgres.steps is
'a step with this slug is already defined';
comment on constraint map_has_one_source on stepgres.steps is
'a map step takes its array from one dependency, or from the input of the run if it has none';
comment on constraint initial_tasks_makes_a_map on stepgres.steps is
'initial_tasks is for map steps';
comment on constraint max_failed_is_for_skipping_maps on stepgres.steps is
'max_failed is for map steps with when_exhausted = "skip"';
comment on constraint gathers_names_each_dependency on stepgres.steps is
'gathers has one name for each dependency';
comment on constraint gathering_is_all_that_it_does on stepgres.steps is
'a step that gathers has no body: it is no map, and has neither condition, delay nor sql_function';
comment on constraint start_is_delayed_once on stepgres.steps is
'a step has either start_delay or start_at';
comment on constraint waiting_is_all_that_it_does on stepgres.steps is
'a step that waits has no body: it is no map, and has neither delay, sql_function nor connection';
comment on constraint durable_step_has_a_body on stepgres.steps is
'a durable step has a body in a program: it is not transactional, and has no sql_function';
comment on constraint child_is_all_that_it_does on stepgres.steps is
'a step with a workflow has no other body: no signal, sql_function or connection; nor is it sticky';
comment on constraint limited_step_has_a_body on stepgres.steps is
'limits are for steps with a body: for a child workflow, give them to that workflow';
comment on constraint sql_function_is_registered on stepgres.steps is
'its SQL function is not registered: an admin calls register_sql_function';

create table stepgres.dependencies (
    workflow_slug text not null,
    version int not null,
    step_slug text not null,
    dependency_index int not null,
    depends_on text not null,
    primary key (step_slug, workflow_slug, version, dependency_index),
    constraint dependency_is_named_once unique (step_slug, workflow_slug, version, depends_on),
    foreign key (workflow_slug, version, step_slug) references stepgres.steps on delete cascade,
    foreign key (workflow_slug, version, depends_on) references stepgres.steps on delete cascade,
    constraint step_does_not_depend_on_itself check (step_slug <> depends_on)
);

-- The slugs lead the keys of this table. So the planner looks up an edge by its slugs too, and not
-- by its workflow alone, however few edges it expects.
create index dependents on stepgres.dependencies (depends_on, workflow_slug, version, step_slug);

comment on table stepgres.dependencies is
'Holds the edges of workflow versions: step_slug starts after depends_on.

dependency_index is the place of the dependency in depends_on as it was given.';
comment on constraint step_does_not_depend_on_itself on stepgres.dependencies is
'a step cannot depend on itself';
comment on constraint dependency_is_named_once on stepgres.dependencies is
'a dependency is named twice';

create type stepgres.step as (
    workflow_slug text,
    version int,
    step_slug text,
    step_index int,
    dependency_count int,
    map boolean,
    initial_tasks int,
    feeds_map text,
    is_direct boolean,
    is_leaf boolean,
    max_attempts int,
    base_delay interval,
    timeout interval,
    execution text,
    queue text,
    priority int,
    resources jsonb,
    start_delay interval,
    condition jsonpath,
    unless jsonpath,
    when_unmet text,
    when_exhausted text,
    max_failed text,
    transactional boolean,
    sticky boolean,
    sql_function text,
    gathers text[], -- noqa: LT01
    start_at jsonpath,
    wait jsonb,
    durable boolean,
    child jsonb,
    limits jsonb
);

comment on type stepgres.step is
'A step as add_step returns it, with the columns of the table steps.';
