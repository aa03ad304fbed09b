create function stepgres.fail_task(
    worker_id text,
    run_id uuid,
    step_slug text,
    error text,
    task_index int default 0,
    attempt int default 1,
    retryable boolean default true,
    retry_after interval default null,
    error_type text default null,
    traceback text default null,
    claim int default null,
    logs jsonb default null
) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._send_result(fail_task.worker_id, jsonb_build_object(
        'run_id', fail_task.run_id, 'step_slug', fail_task.step_slug,
        'task_index', fail_task.task_index, 'attempt', fail_task.attempt, 'claim', fail_task.claim,
        'status', 'failed', 'error', fail_task.error, 'retryable', fail_task.retryable,
        'retry_after', extract(epoch from fail_task.retry_after),
        'error_type', fail_task.error_type, 'traceback', fail_task.traceback,
        'logs', fail_task.logs
    ))
$$;

comment on function stepgres.fail_task(
    text, uuid, text, text, int, int, boolean, interval, text, text, int, jsonb
) is
'Ends an attempt as failed: the task waits for a retry, or the task, its step and its run fail.

The task waits for retry_after, or without it for base_delay, doubled per attempt, with jitter. A
task with retryable = false, or without attempts left, is exhausted. error_type, the name of the
exception, and its traceback are kept with the attempt. Texts of more than 8,000 characters lose
their middle. A claim, the number that came with the task, takes precedence over attempt. logs
are the lines of the attempt for list_logs, as work takes them.

Errors: SG003 retry_after is out of range, SG004 the task is not leased to this worker in this claim
or for this attempt, SG006 unknown worker.';
