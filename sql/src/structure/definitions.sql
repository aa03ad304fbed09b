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
    fingerprint text,
    is_used boolean not null default false,
    created_at timestamptz not null,
    primary key (workflow_slug, version),
    -- the rules of stepgres.steps, so that a bad default is refused when it is given
    constraint max_attempts_is_positive check (max_attempts > 0),
    constraint base_delay_is_not_negative check (base_delay >= interval '0'),
    constraint timeout_is_positive check (timeout > interval '0'),
    constraint execution_is_known check (execution in ('local', 'distributed')),
    constraint queue_is_name check (queue ~ '^[a-z][a-z0-9_]*$' and length(queue) <= 38),
    constraint resources_is_object check (jsonb_typeof(resources) = 'object')
);

comment on table stepgres.workflow_versions is
'Versions of workflows with the defaults of their steps; immutable once a run uses them (is_used).';
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
    constraint base_delay_is_not_negative check (base_delay >= interval '0'),
    constraint timeout_is_positive check (timeout > interval '0'),
    constraint execution_is_known check (execution in ('local', 'distributed')),
    constraint queue_is_name check (queue ~ '^[a-z][a-z0-9_]*$' and length(queue) <= 38),
    constraint resources_is_object check (jsonb_typeof(resources) = 'object')
);

comment on table stepgres.steps is
'Steps of workflow versions with their options; step_index is a topological order.';
comment on column stepgres.steps.initial_tasks is
'Number of tasks of a map step that has no array: each task gets the input of the step.';
comment on column stepgres.steps.resources is
'What a worker must have to execute the step, such as {"gpu": true}.';
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
comment on constraint base_delay_is_not_negative on stepgres.steps is
'base_delay must not be negative';
comment on constraint timeout_is_positive on stepgres.steps is
'timeout must be more than 0 seconds';
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
