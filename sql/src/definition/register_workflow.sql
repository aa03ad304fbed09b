create function stepgres.register_workflow(definition jsonb, make_current boolean default false)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := definition ->> 'workflow_slug';
    v_culprit text := format('workflow "%s"', definition ->> 'workflow_slug');
    v_defaults stepgres.workflow_versions;
    v_steps stepgres.steps[];
    v_dependencies stepgres.dependencies[];
    v_keep stepgres.retentions[];
    v_version int;
    v_constraint text;
begin
    perform stepgres._check_options(
        definition,
        stepgres._workflow_options()
        || '{"workflow_slug": "string", "version": "integer", "steps": "array", "tasks": "array",
            "schedule": "string or object", "keep": "object"}',
        v_culprit
    );
    if v_slug is null then
        raise exception 'a definition has no workflow_slug'
            using errcode = 'SG001',
                hint = 'A definition needs a workflow_slug and at least one step.';
    end if;
    v_defaults.workflow_slug := v_slug;
    v_defaults.max_attempts := coalesce((definition ->> 'max_attempts')::numeric::int, 3);
    v_defaults.base_delay := coalesce(stepgres._seconds(definition -> 'base_delay'), '1 second');
    v_defaults.timeout := coalesce(stepgres._seconds(definition -> 'timeout'), '5 minutes');
    v_defaults.execution := coalesce(definition ->> 'execution', 'local');
    v_defaults.queue := coalesce(definition ->> 'queue', 'default');
    v_defaults.priority := coalesce((definition ->> 'priority')::numeric::int, 0);
    v_defaults.resources := coalesce(nullif(definition -> 'resources', 'null'), '{}');
    v_defaults.when_unmet := coalesce(definition ->> 'when_unmet', 'skip');
    v_defaults.when_exhausted := coalesce(definition ->> 'when_exhausted', 'fail');
    v_defaults.events := coalesce(definition ->> 'events', 'none');
    v_defaults.deadline := stepgres._seconds(definition -> 'deadline');
    v_defaults.max_parallel := (definition ->> 'max_parallel')::numeric::int;
    v_defaults.limits := stepgres._read_limits(definition -> 'limits', v_culprit);
    v_defaults.on_limit := stepgres._on_limit(
        definition ->> 'on_limit', v_defaults.limits, v_culprit
    );
    v_defaults.on_failure := stepgres._on_failure(definition ->> 'on_failure', v_culprit);
    v_defaults.tasks := nullif(definition -> 'tasks', 'null');
    if definition -> 'schedule' <> 'null' then
        v_defaults.schedule := stepgres._schedule_document(stepgres._read_schedule(
            definition -> 'schedule', v_culprit || ', schedule'
        ));
    end if;
    v_keep := array(select k from stepgres._read_keep(definition -> 'keep', v_slug) as k);
    select r.steps, r.dependencies into v_steps, v_dependencies
    from stepgres._read_steps(v_defaults, nullif(definition -> 'steps', 'null'), v_culprit) as r;
    v_defaults.fingerprint := stepgres._fingerprint(
        stepgres._document(v_defaults, v_steps, v_dependencies)
    );

    loop
        insert into stepgres.workflows (workflow_slug, current_version, created_at)
        values (v_slug, 1, stepgres._now())
        on conflict do nothing;
        perform 1 from stepgres.workflows as w where w.workflow_slug = v_slug for update;
        exit when found; -- unless it was deleted meanwhile
    end loop;
    -- Deployments that alternate must not make versions without end. An old worker that starts
    -- again does not make its definition current: only a caller with make_current does. An
    -- optimized version is the same definition, and stays. The document that get_flow shows of an
    -- optimized version, or of steps that were added one by one, is also the same definition.
    select w.version into v_version
    from stepgres.workflows as f
    join stepgres.workflow_versions as w on w.workflow_slug = f.workflow_slug
    where f.workflow_slug = v_slug and w.version > 0 and case
        when w.fingerprint = v_defaults.fingerprint then true
        when w.fingerprint is null or w.optimized_from is not null
            then stepgres._fingerprint(stepgres.get_flow(v_slug, w.version))
                = v_defaults.fingerprint
    end
    order by w.version = f.current_version desc, w.version desc
    limit 1;
    if found then
        update stepgres.workflows as w set current_version = v_version
        where w.workflow_slug = v_slug and w.current_version <> v_version
            and register_workflow.make_current;
        if found then
            perform stepgres._follow_version(v_slug);
        end if;
        -- an old worker that starts again changes nothing
        perform stepgres._store_keep(v_slug, v_keep)
        from stepgres.workflows as w
        where w.workflow_slug = v_slug and w.current_version = v_version;
        return v_version;
    end if;

    if cardinality(v_steps) = 0 then
        raise exception '% has no steps', v_culprit
            using errcode = 'SG001',
                hint = 'A definition needs a workflow_slug and at least one step.';
    end if;
    v_defaults := stepgres._create_version(v_defaults);
    perform stepgres._store_keep(v_slug, v_keep);
    perform stepgres._insert_steps(v_defaults.version, v_steps, v_dependencies, v_culprit);
    return v_defaults.version;
exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, v_culprit);
end
$$;

comment on function stepgres.register_workflow(jsonb, boolean) is
'Registers a whole definition and returns its version; the same definition always has one version.

A new version becomes current: runs that are started from then on get it. To go back to a definition
that another has replaced, register it again with make_current. Without make_current, registering
such a definition does not make it current.

Definitions are the same if they mean the same. An option that is left out has its default. The
order of keys and of steps does not matter.

The document: {"workflow_slug": text, "steps": [{"step_slug": text, "depends_on": [text],
"map": boolean, "initial_tasks": number, "transactional": boolean, "sticky": boolean,
"sql_function": text, "gathers": [text], "start_delay": seconds, "start_at": JSON path,
"wait_for": text, "match": JSON path, "key": JSON path, "when_timeout": text,
"default_output": any value, "approval": object, "workflow": text, "version": number,
"limits": [{"limit": text, "key": JSON path, "weight": JSON path or number, "fair_by": JSON path}],
"condition": JSON path, "unless": JSON path, "max_failed": number or "25%", "max_attempts": number,
"base_delay": seconds, "timeout": seconds, "execution": "local" or "distributed", "queue": text,
"priority": number, "resources": object, "when_unmet" and "when_exhausted": "fail", "skip" or
"skip-cascade"}],
"deadline": seconds, "max_parallel": number, "limits": as for a step,
"on_limit": "queue", "reject" or "cancel_oldest", "on_failure": text,
"events": "none", "run" or "task",
"schedule": a cron expression, or an object with the arguments of create_schedule,
"keep": {"completed", "failed", "cancelled", "payloads": seconds or a text such as "7 days"},
"tasks": the goal tasks that start_task_graph has made the steps from}.

The options from "max_attempts" on may also stand beside "steps", as defaults of all steps.
Without a value they are 3 attempts, 1 s, 300 s, "local", "default", 0, {}, "skip" and "fail".
Steps may come in any order. "version" and "step_index", which get_flow shows, are ignored.

A step that gathers has no body. It is completed with the object of the outputs of its
dependencies; "gathers" has the names in this object, in the order of "depends_on". A step with
"wait_for" or "approval" has no body either: add_step says what its options mean. The "timeout" of a
step with "wait_for" is that of the wait. The body of a step with "workflow" is a run of this
workflow, of the current "version" or of this one; such a step has one attempt by default. A run
that has not ended within the deadline fails. max_parallel limits how many local tasks of a run its
executor has under way. The schedule is in force while this version is current; it has the slug of
the workflow. events says which events are sent on the channel workflow_events: "none", "run"
(events of runs) or "task" (events of runs and tasks).

keep says for how long ended runs are kept, by outcome; without a value, until prune deletes them. A
cancelled run is kept as a failed run, unless "cancelled" has a value. "payloads" is for inputs,
outputs, signals and checkpoints, which may go before their run. keep is no part of a version: the
document of the current version that was registered last counts, for all runs of the workflow.

on_failure names a workflow, which may be registered later. For each run that fails, one run of this
workflow is started, in its current version. Its input are the facts of the failure: "run_id",
"workflow_slug", "version", "error", "error_type", "traceback", "failed_step", "tags",
"parent_run_id", "retried_from", "inserted_at" and "finished_at", as get_run has them, and "input",
which is missing if it has more than 64 KB as text. A cancelled run starts nothing. The failure
commits together with a row in failure_runs, and tick starts the run. If the start fails, tick tries
again later, and get_run of the failed run has the error as "on_failure_error". A run that was
started in this way has no on_failure, and neither have its retries, its forks and its child runs.

Errors: SG001 names the culprit; nothing is stored. A schedule also raises SG002 and SG003, as
create_schedule does.';
