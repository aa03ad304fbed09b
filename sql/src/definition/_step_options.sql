create function stepgres._step_options(step jsonb, defaults stepgres.workflow_versions)
returns stepgres.steps
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step stepgres.steps;
    v_culprit text := format(
        'workflow "%s", step "%s"', defaults.workflow_slug, step ->> 'step_slug'
    );
    v_initial_tasks int := (step ->> 'initial_tasks')::numeric::int;
begin
    v_step.workflow_slug := defaults.workflow_slug;
    v_step.version := defaults.version;
    v_step.step_slug := step ->> 'step_slug';
    v_step.map := coalesce((step ->> 'map')::boolean, v_initial_tasks is not null);
    v_step.initial_tasks := v_initial_tasks;
    v_step.child := stepgres._child_option(
        step ->> 'workflow', (step ->> 'version')::numeric::int,
        stepgres._seconds(step -> 'timeout'), v_culprit
    );
    -- A child run has attempts of its own.
    v_step.max_attempts := coalesce(
        (step ->> 'max_attempts')::numeric::int,
        case when v_step.child is not null then 1 else defaults.max_attempts end
    );
    v_step.base_delay := coalesce(stepgres._seconds(step -> 'base_delay'), defaults.base_delay);
    v_step.wait := stepgres._signal_wait(
        step ->> 'wait_for', step ->> 'match', step ->> 'key',
        stepgres._seconds(step -> 'timeout'), step ->> 'when_timeout',
        nullif(step -> 'default_output', 'null'), v_culprit
    );
    v_step.wait := coalesce(stepgres._approval_wait(
        nullif(step -> 'approval', 'null'), step ->> 'wait_for',
        stepgres._seconds(step -> 'timeout'), v_culprit
    ), v_step.wait);
    -- The timeout of a step that waits is that of its wait.
    v_step.timeout := coalesce(
        case when v_step.wait is null then stepgres._seconds(step -> 'timeout') end,
        defaults.timeout
    );
    v_step.execution := coalesce(step ->> 'execution', defaults.execution);
    v_step.queue := coalesce(step ->> 'queue', defaults.queue);
    v_step.priority := coalesce((step ->> 'priority')::numeric::int, defaults.priority);
    v_step.durable := nullif((step ->> 'durable')::boolean, false);
    v_step.resources := coalesce(nullif(step -> 'resources', 'null'), defaults.resources)
        || stepgres._feature_resources(case when v_step.durable then '{durable}'::text[] end);
    v_step.start_delay := coalesce(stepgres._seconds(step -> 'start_delay'), '0');
    v_step.start_at := stepgres._json_path(step ->> 'start_at', 'start_at', v_culprit);
    v_step.condition := stepgres._json_path(step ->> 'condition', 'condition', v_culprit);
    v_step.unless := stepgres._json_path(step ->> 'unless', 'unless', v_culprit);
    v_step.when_unmet := coalesce(step ->> 'when_unmet', defaults.when_unmet);
    v_step.when_exhausted := coalesce(step ->> 'when_exhausted', defaults.when_exhausted);
    v_step.max_failed := step ->> 'max_failed';
    v_step.transactional := coalesce((step ->> 'transactional')::boolean, false);
    v_step.sticky := coalesce((step ->> 'sticky')::boolean, false);
    v_step.sql_function := step ->> 'sql_function';
    v_step.limits := stepgres._read_limits(step -> 'limits', v_culprit);
    v_step.gathers := case when jsonb_typeof(step -> 'gathers') = 'array'
        then array(select jsonb_array_elements_text(step -> 'gathers')) end;
    return v_step;
end
$$;

comment on function stepgres._step_options(jsonb, stepgres.workflow_versions) is
'Returns a step as a document of register_workflow describes it, with the inherited options.

Durations of the document are in seconds.';
