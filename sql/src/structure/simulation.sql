create type stepgres.simulated_event as (
    after interval,
    event_type text,
    run_id uuid,
    workflow_slug text,
    step_slug text,
    task_index int,
    attempt int,
    error text,
    output jsonb
);

comment on type stepgres.simulated_event is
'What would happen in a run, and how long after its start, as simulate returns it.

output is that of the step or run that is completed by the event.';

create type stepgres._simulated_result as (
    due_at timestamptz,
    result jsonb
);
