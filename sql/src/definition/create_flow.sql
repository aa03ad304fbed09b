create function stepgres.create_flow(
    name text,
    max_attempts int default 3,
    base_delay interval default '1 second',
    timeout interval default '5 minutes',
    execution text default 'local',
    queue text default 'default',
    priority int default 0,
    resources jsonb default '{}',
    when_unmet text default 'skip',
    when_exhausted text default 'fail',
    deadline interval default null,
    events text default 'none',
    max_parallel int default null,
    limits jsonb default null,
    on_limit text default null,
    keep jsonb default null,
    on_failure text default null
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_defaults stepgres.workflow_versions;
    v_constraint text;
    v_column text;
begin
    if create_flow.name is null then
        raise exception 'a workflow needs a name'
            using errcode = 'SG001', hint = 'Pass its slug as name.';
    end if;
    insert into stepgres.workflows (workflow_slug, current_version, created_at)
    values (create_flow.name, 1, stepgres._now())
    on conflict do nothing;
    if not found then
        raise exception 'workflow "%" already exists', create_flow.name
            using errcode = 'SG007',
                hint = 'Add steps to it with add_step, or choose another name.';
    end if;
    v_defaults.workflow_slug := create_flow.name;
    v_defaults.max_attempts := create_flow.max_attempts;
    v_defaults.base_delay := stepgres._in_seconds(create_flow.base_delay);
    v_defaults.timeout := stepgres._in_seconds(create_flow.timeout);
    v_defaults.execution := create_flow.execution;
    v_defaults.queue := create_flow.queue;
    v_defaults.priority := create_flow.priority;
    v_defaults.resources := create_flow.resources;
    v_defaults.when_unmet := create_flow.when_unmet;
    v_defaults.when_exhausted := create_flow.when_exhausted;
    v_defaults.events := create_flow.events;
    v_defaults.deadline := stepgres._in_seconds(create_flow.deadline);
    v_defaults.max_parallel := create_flow.max_parallel;
    v_defaults.limits := stepgres._read_limits(
        create_flow.limits, format('workflow "%s"', create_flow.name)
    );
    v_defaults.on_limit := stepgres._on_limit(
        create_flow.on_limit, v_defaults.limits, format('workflow "%s"', create_flow.name)
    );
    v_defaults.on_failure := stepgres._on_failure(
        create_flow.on_failure, format('workflow "%s"', create_flow.name)
    );
    perform stepgres._create_version(v_defaults);
    perform stepgres._store_keep(
        create_flow.name,
        array(select k from stepgres._read_keep(create_flow.keep, create_flow.name) as k)
    );
    return create_flow.name;
exception when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform stepgres._definition_error(
        v_constraint, format('workflow "%s"', create_flow.name), v_column
    );
end
$$;

comment on function stepgres.create_flow(
    text, int, interval, interval, text, text, int, jsonb, text, text, interval, text, int, jsonb,
    text, jsonb, text
) is
'Creates a workflow without steps and returns its slug.

The options are the defaults of the steps that add_step adds. A run that has not ended within the
deadline fails. max_parallel limits how many local tasks of a run its executor has under way. events
says which events are sent on the channel workflow_events: "none", "run" (events of runs) or
"task" (events of runs and tasks).

Runs of a workflow with limits wait until each of these limits has room: see create_limit. on_limit
says what else happens: "queue" (the run waits), "reject" (its start raises SG037) or
"cancel_oldest" (the run that has held a place longest is cancelled).

keep says how long ended runs are kept, such as {"completed": "7 days", "failed": "90 days"}: see
register_workflow. on_failure names the workflow that is started for each run that fails: see
register_workflow.

Errors: SG001 bad name or option, SG036 unknown limit, SG007 the workflow exists.';
