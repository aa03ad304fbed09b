create table stepgres.workflows (
    workflow_slug text primary key,
    current_version int not null,
    created_at timestamptz not null,
    constraint workflow_slug_is_slug check (
        workflow_slug ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' and length(workflow_slug) <= 128 and workflow_slug <> 'run'
    )
);

comment on table stepgres.workflows is
'Workflows by slug, each with the version that new runs get.';

create table stepgres.workflow_versions (
    workflow_slug text not null references stepgres.workflows on delete cascade,
    version int not null,
    max_attempts int not null,
    base_delay interval not null,
    timeout interval not null,
    execution text not null,
    queue text not null,
    priority int not null,
    resources jsonb not null,
    when_unmet text not null,
    when_exhausted text not null,
    deadline interval,
    fingerprint text,
    is_used boolean not null default false,
    created_at timestamptz not null,
    primary key (workflow_slug, version),
    -- the rules of stepgres.steps, so that a bad default is refused when it is given
    constraint max_attempts_is_positive check (max_attempts > 0),
    constraint base_delay_is_limited check (
        base_delay >= interval '0' and base_delay <= interval '36525 days'
    ),
    constraint timeout_is_limited check (timeout > interval '0' and timeout <= interval '36525 days'),
    constraint execution_is_known check (execution in ('local', 'distributed')),
    constraint queue_is_name check (queue ~ '^[a-z][a-z0-9_]*$' and length(queue) <= 38),
    constraint when_unmet_is_known check (when_unmet in ('fail', 'skip', 'skip-cascade')),
    constraint when_exhausted_is_known check (when_exhausted in ('fail', 'skip', 'skip-cascade')),
    constraint deadline_is_limited check (deadline > interval '0' and deadline <= interval '36525 days'),
    constraint resources_is_object check (jsonb_typeof(resources) = 'object')
);

comment on table stepgres.workflow_versions is
'Versions of workflows with the defaults of their steps; immutable once a run uses them (is_used).';
comment on column stepgres.workflow_versions.deadline is
'Within which a run must end, or it fails; null: it may take as long as it does.';
comment on column stepgres.workflow_versions.fingerprint is
'md5 of the document that register_workflow was given; null for a version made by create_flow and add_step.';

create table stepgres.sql_functions (
    sql_function text primary key,
    registered_at timestamptz not null
);

comment on table stepgres.sql_functions is
'SQL functions, f(jsonb) returns jsonb, that steps may name as their body; an admin registers them.';

create table stepgres.steps (
    workflow_slug text not null,
    version int not null,
    step_slug text not null,
    step_index int not null,
    dependency_count int not null,
    map boolean not null,
    initial_tasks int,
    feeds_map text,
    max_attempts int not null,
    base_delay interval not null,
    timeout interval not null,
    execution text not null,
    queue text not null,
    priority int not null,
    resources jsonb not null,
    start_delay interval not null,
    condition jsonpath,
    unless jsonpath,
    when_unmet text not null,
    when_exhausted text not null,
    max_failed text,
    transactional boolean not null,
    sql_function text constraint sql_function_is_registered references stepgres.sql_functions,
    constraint step_is_defined_once primary key (workflow_slug, version, step_slug),
    foreign key (workflow_slug, version) references stepgres.workflow_versions on delete cascade,
    constraint step_slug_is_slug check (
        step_slug ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' and length(step_slug) <= 128 and step_slug <> 'run'
    ),
    constraint map_has_one_source check (not map or initial_tasks is not null or dependency_count <= 1),
    constraint initial_tasks_is_positive check (initial_tasks > 0),
    constraint initial_tasks_makes_a_map check (map or initial_tasks is null),
    constraint max_attempts_is_positive check (max_attempts > 0),
    constraint base_delay_is_limited check (
        base_delay >= interval '0' and base_delay <= interval '36525 days'
    ),
    constraint timeout_is_limited check (timeout > interval '0' and timeout <= interval '36525 days'),
    constraint execution_is_known check (execution in ('local', 'distributed')),
    constraint queue_is_name check (queue ~ '^[a-z][a-z0-9_]*$' and length(queue) <= 38),
    constraint when_unmet_is_known check (when_unmet in ('fail', 'skip', 'skip-cascade')),
    constraint when_exhausted_is_known check (when_exhausted in ('fail', 'skip', 'skip-cascade')),
    constraint start_delay_is_limited check (
        start_delay >= interval '0' and start_delay <= interval '36525 days'
    ),
    constraint max_failed_is_limit check (max_failed ~ '^([0-9]{1,9}|([0-9]{1,2}(\.[0-9]{1,9})?|100)%)$'),
    constraint max_failed_is_for_skipping_maps check (
        max_failed is null or (map and when_exhausted = 'skip')
    ),
    constraint resources_is_object check (jsonb_typeof(resources) = 'object')
);

comment on table stepgres.steps is
'Steps of workflow versions with their options; step_index is a topological order.';
comment on column stepgres.steps.initial_tasks is
'Number of tasks of a map step that has no array: each task gets the input of the step.';
comment on column stepgres.steps.resources is
'What a worker must have to execute the step, such as {"gpu": true}.';
comment on column stepgres.steps.start_delay is
'How long the tasks of the step wait after it became ready.';
comment on column stepgres.steps.condition is
'Met if it finds something other than false and null in the input of the step; the step starts only then.';
comment on column stepgres.steps.unless is
'Like condition, but the step starts only if it is not met.';
comment on column stepgres.steps.when_unmet is
'What happens to a step that may not start: fail, skip (its dependents start without it), or skip-cascade (with all of them).';
comment on column stepgres.steps.when_exhausted is
'What happens to a task without attempts left: fail, skip (the run goes on without its output), or skip-cascade.';
comment on column stepgres.steps.max_failed is
'How many tasks of a map may be skipped, as a number or a percentage; one more fails the step. Null: all of them.';
comment on column stepgres.steps.transactional is
'The step gets a connection, and what it writes there is committed together with its completion.';
comment on column stepgres.steps.sql_function is
'The body of a step in SQL: any worker calls it, in the transaction that completes the task, with the rights of the worker.';
comment on column stepgres.steps.feeds_map is
'The map step that maps over the output of this single step, which must therefore be an array.';

-- Definition functions turn a violated constraint into its comment: one rule, one wording.
comment on constraint workflow_slug_is_slug on stepgres.workflows is
'a slug starts with a letter or underscore, has only letters, digits and underscores, at most 128 of them, and is not "run"';
comment on constraint step_slug_is_slug on stepgres.steps is
'a slug starts with a letter or underscore, has only letters, digits and underscores, at most 128 of them, and is not "run"';
comment on constraint step_is_defined_once on stepgres.steps is
'a step with this slug is already defined';
comment on constraint map_has_one_source on stepgres.steps is
'a map step takes its array from one dependency, or from the input of the run if it has none';
comment on constraint initial_tasks_is_positive on stepgres.steps is
'initial_tasks must be at least 1';
comment on constraint initial_tasks_makes_a_map on stepgres.steps is
'initial_tasks is for map steps';
comment on constraint max_attempts_is_positive on stepgres.steps is
'max_attempts must be at least 1';
comment on constraint base_delay_is_limited on stepgres.steps is
'base_delay must not be negative, and be at most 100 years';
comment on constraint timeout_is_limited on stepgres.steps is
'timeout must be more than 0 seconds, and at most 100 years';
comment on constraint start_delay_is_limited on stepgres.steps is
'start_delay must not be negative, and be at most 100 years';
comment on constraint deadline_is_limited on stepgres.workflow_versions is
'deadline must be more than 0 seconds, and at most 100 years';
comment on constraint when_unmet_is_known on stepgres.steps is
'when_unmet must be "fail", "skip" or "skip-cascade"';
comment on constraint when_exhausted_is_known on stepgres.steps is
'when_exhausted must be "fail", "skip" or "skip-cascade"';
comment on constraint max_failed_is_limit on stepgres.steps is
'max_failed must be a whole number or a percentage from "0%" to "100%"';
comment on constraint max_failed_is_for_skipping_maps on stepgres.steps is
'max_failed is for map steps with when_exhausted = "skip"';
comment on constraint execution_is_known on stepgres.steps is
'execution must be "local" or "distributed"';
comment on constraint sql_function_is_registered on stepgres.steps is
'its SQL function is not registered: an admin calls register_sql_function';
comment on constraint resources_is_object on stepgres.steps is
'resources must be a JSON object';
comment on constraint queue_is_name on stepgres.steps is
'a queue starts with a lower-case letter and has only lower-case letters, digits and underscores, at most 38 of them';

create table stepgres.dependencies (
    workflow_slug text not null,
    version int not null,
    step_slug text not null,
    dependency_index int not null,
    depends_on text not null,
    primary key (workflow_slug, version, step_slug, dependency_index),
    constraint dependency_is_named_once unique (workflow_slug, version, step_slug, depends_on),
    foreign key (workflow_slug, version, step_slug) references stepgres.steps on delete cascade,
    foreign key (workflow_slug, version, depends_on) references stepgres.steps on delete cascade,
    constraint step_does_not_depend_on_itself check (step_slug <> depends_on)
);

create index dependents on stepgres.dependencies (workflow_slug, version, depends_on, step_slug);

comment on table stepgres.dependencies is
'Edges of workflow versions: step_slug starts after depends_on; dependency_index is the order they were given in.';
comment on constraint step_does_not_depend_on_itself on stepgres.dependencies is
'a step cannot depend on itself';
comment on constraint dependency_is_named_once on stepgres.dependencies is
'a dependency is named twice';
