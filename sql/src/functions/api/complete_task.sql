create function stepgres.complete_task(
    worker_id text, run_id uuid, step_slug text, output jsonb, task_index int default 0, attempt int default 1
) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._send_result(complete_task.worker_id, jsonb_build_object(
        'run_id', complete_task.run_id, 'step_slug', complete_task.step_slug,
        'task_index', complete_task.task_index, 'attempt', complete_task.attempt,
        'status', 'completed', 'output', complete_task.output
    ))
$$;

comment on function stepgres.complete_task(text, uuid, text, jsonb, int, int) is
'Completes a task that the worker has claimed, and moves everything that follows from it.

Errors: SG004 the task is not leased to this worker for this attempt, SG006 unknown worker.';
