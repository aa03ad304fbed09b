create function stepgres.complete_task(
    worker_id text,
    run_id uuid,
    step_slug text,
    output jsonb,
    task_index int default 0,
    attempt int default 1,
    tasks jsonb default null,
    claim int default null,
    logs jsonb default null,
    traceparent text default null
) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._send_result(complete_task.worker_id, jsonb_build_object(
        'run_id', complete_task.run_id, 'step_slug', complete_task.step_slug,
        'task_index', complete_task.task_index, 'attempt', complete_task.attempt,
        'claim', complete_task.claim, 'status', 'completed', 'output', complete_task.output,
        'tasks', complete_task.tasks, 'logs', complete_task.logs,
        'traceparent', complete_task.traceparent
    ))
$$;

comment on function stepgres.complete_task(
    text, uuid, text, jsonb, int, int, jsonb, int, jsonb, text
) is
'Completes a task that the worker has claimed, and advances everything that follows from it.

In a run of a task graph, tasks are goal tasks that are added beside the completed goal task, in the
form that save_task_graph takes. An added goal task starts after the completed one, unless it
depends on something else. The dependents of the completed goal task also wait for the added ones.

A claim, the number that came with the task, takes precedence over attempt. logs are the
lines of the attempt for list_logs, and traceparent is its span, as work takes them.

Errors: SG004 the task is not leased to this worker in this claim or for this attempt, SG006 unknown
worker, SG018 the goal tasks break a rule: none is added, and the task is not completed.';
