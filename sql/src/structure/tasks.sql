create table stepgres.tasks (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    status text not null default 'queued',
    attempt int not null default 0,
    worker_id text,
    msg_id bigint,
    lane text,
    queued_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    input jsonb,
    output jsonb,
    primary key (run_id, step_slug, task_index),
    constraint task_status_is_known check (
        status in ('queued', 'started', 'waiting', 'completed', 'failed', 'skipped', 'cancelled')
    ),
    constraint task_is_started check (
        status <> 'started' or (started_at is not null and worker_id is not null)
    ),
    constraint task_is_finished check ((status in ('queued', 'started', 'waiting')) = (finished_at is null)),
    constraint task_error check (status <> 'failed' or error is not null),
    constraint task_attempt check (
        attempt > 0 or (attempt = 0 and status in ('queued', 'waiting', 'skipped', 'cancelled'))
    ),
    constraint task_ticket check (msg_id is null or status = 'queued'),
    constraint task_lane check (lane is null or msg_id is not null)
) with (fillfactor = 30);

comment on table stepgres.tasks is
'Tasks: the units of work of step states, one for a single step, one per element for a map.';
comment on column stepgres.tasks.attempt is
'The attempt that runs or ran last; the fencing token: a result of another attempt is refused.';
comment on column stepgres.tasks.msg_id is
'The ticket of a queued task in the pgmq queue of its step; null for a task that an executor claims by run.';
comment on column stepgres.tasks.lane is
'The pgmq queue of the lane that holds the ticket; null: it is in the pgmq queue of the step.';
comment on column stepgres.tasks.input is
'The element of a map task; null: the task gets the input of the step, built when it is claimed.';
comment on column stepgres.tasks.output is
'The output of a map task; that of a single step stands in step_states alone.';

create table stepgres.attempts (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    attempt int not null,
    worker_id text not null,
    started_at timestamptz not null,
    failed_at timestamptz not null,
    error text not null,
    error_type text,
    traceback text,
    primary key (run_id, step_slug, task_index, attempt)
);

comment on table stepgres.attempts is
'Failed attempts, with their error and worker.';
comment on column stepgres.attempts.error_type is
'The name of the exception that the step raised; null: its worker has named none.';
comment on column stepgres.attempts.traceback is
'Where the step raised it, at most 8,000 characters: the middle of a longer text is left out.';

create table stepgres.timers (
    run_id uuid not null,
    kind text not null default 'task',
    step_slug text not null default '',
    task_index int not null default 0,
    due_at timestamptz not null,
    remaining interval,
    primary key (run_id, kind, step_slug, task_index),
    constraint timer_kind_is_known check (kind in ('task', 'run_start', 'run_deadline')),
    constraint timer_stands_still check ((remaining is not null) = (due_at = 'infinity'))
);

create index timers_by_due_at on stepgres.timers (due_at);

comment on table stepgres.timers is
'What happens at a time: a waiting task is queued (task), a delayed run starts, a run meets its deadline.';
comment on column stepgres.timers.remaining is
'What was left when the run was paused: the timer stands still.';
