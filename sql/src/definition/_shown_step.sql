create function stepgres._shown_step(step stepgres.steps) returns stepgres.step
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select (
        step.workflow_slug,
        step.version,
        step.step_slug,
        step.step_index,
        step.dependency_count,
        step.map,
        step.initial_tasks,
        step.feeds_map,
        step.is_direct,
        step.is_leaf,
        step.max_attempts,
        step.base_delay,
        step.timeout,
        step.execution,
        step.queue,
        step.priority,
        stepgres._without_features(step.resources),
        step.start_delay,
        step.condition,
        step.unless,
        step.when_unmet,
        step.when_exhausted,
        step.max_failed,
        step.transactional,
        step.sticky,
        step.sql_function,
        step.gathers,
        step.start_at,
        step.wait,
        step.durable,
        step.child,
        step.limits
    )::stepgres.step
$$;

comment on function stepgres._shown_step(stepgres.steps) is
'Returns a row of the table steps as add_step returns it.';
