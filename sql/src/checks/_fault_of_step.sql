create function stepgres._fault_of(step stepgres.step_states) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when step.status
            not in ('created', 'started', 'completed', 'failed', 'skipped', 'cancelled')
            then 'unknown status'
        when step.status in ('started', 'completed')
            and (step.started_at is null or step.remaining_tasks is null)
            then 'a step that has begun has started_at and remaining_tasks'
        when (step.status in ('created', 'started')) <> (step.finished_at is null)
            then 'finished_at is for finished steps'
        when (step.status = 'completed') <> (step.output is not null)
            then 'output is for completed steps'
        when step.status = 'failed' and step.error is null then 'a failed step has an error'
        when (step.status = 'skipped') <> (step.skip_reason is not null)
            then 'skip_reason is for skipped steps'
        when step.skip_reason
            not in (
                'condition_unmet', 'attempts_exhausted', 'dependency_skipped', 'timed_out',
                'rejected'
            )
            then 'unknown skip_reason'
        when step.remaining_deps < 0
            or (
                step.remaining_deps > 0 and step.status <> 'created' and step.finished_at is null
            )
            then 'remaining_deps is 0 in started steps, and never negative'
        when step.remaining_tasks not between 0 and step.initial_tasks
            then 'remaining_tasks is between 0 and initial_tasks'
        when step.status = 'completed' and step.remaining_tasks <> 0
            then 'remaining_tasks is 0 in completed steps'
    end
$$;

comment on function stepgres._fault_of(stepgres.step_states) is
'Returns the rule that a row of step_states breaks by itself, or null.';
