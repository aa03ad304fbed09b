create table stepgres.tasks (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    status text not null default 'queued',
    attempt int not null default 0,
    claim int not null default 0,
    worker_id text,
    msg_id bigint,
    lane text,
    ahead text,
    queued_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    input jsonb,
    output jsonb,
    counted_from int,
    is_limited boolean,
    primary key (run_id, step_slug, task_index)
) with (fillfactor = 30);

comment on table stepgres.tasks is
'Holds the tasks of step states: one for a single step, one per element for a map step.';
comment on column stepgres.tasks.attempt is
'The number of the current or last attempt, among the executions that count against max_attempts.';
comment on column stepgres.tasks.claim is
'The number of the current or last claim: the fencing token.
Each claim has a new number, also after a release. A result of another claim is refused.';
comment on column stepgres.tasks.msg_id is
'The ticket of a queued task in a pgmq queue; null for a task that an executor claims by run.';
comment on column stepgres.tasks.lane is
'The pgmq queue of the lane that holds the ticket; null: the pgmq queue of the step holds it.';
comment on column stepgres.tasks.ahead is
'claimed: the worker took more tasks than could begin at once, so this task may not have begun.
lost: the worker died, and no attempt was counted for that.';
comment on column stepgres.tasks.input is
'The element of a map task; null: the task gets the input of the step, built when it is claimed.';
comment on column stepgres.tasks.output is
'The output of a map task; the output of a single step stands only in step_states.';
comment on column stepgres.tasks.counted_from is
'The task is of a durable step and has had checkpoints; the attempts after this number count.
A new checkpoint forgives the attempts before the current one. null: all attempts count.';

comment on column stepgres.tasks.is_limited is
'The task has limits: it is claimed from its line, and has places while it is started. null: it has
none.';

create table stepgres.attempts (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    attempt int not null,
    worker_id text,
    started_at timestamptz not null,
    failed_at timestamptz not null,
    error text not null,
    error_type text,
    traceback text,
    primary key (run_id, step_slug, task_index, attempt)
);

comment on table stepgres.attempts is
'Holds the failed attempts, each with its error and its worker.';
comment on column stepgres.attempts.worker_id is
'The worker that executed the attempt; null: the attempt was a child run.';
comment on column stepgres.attempts.error_type is
'The name of the exception that the step raised; null: the worker named no exception.';
comment on column stepgres.attempts.traceback is
'The traceback of the exception, at most 8,000 characters: a longer text loses its middle.';

create table stepgres.timers (
    run_id uuid not null,
    kind text not null default 'task',
    step_slug text not null default '',
    task_index int not null default 0,
    due_at timestamptz not null,
    remaining interval,
    primary key (run_id, kind, step_slug, task_index),
    constraint timer_kind_is_known check (
        kind in ('task', 'wake', 'let_in', 'run_start', 'run_deadline')
    ),
    constraint timer_stands_still check ((remaining is not null) = (due_at = 'infinity'))
);

create index timers_by_due_at on stepgres.timers (due_at);

comment on table stepgres.timers is
'Holds the timers: an action for a task or a run at a time.

task: a waiting task is queued. wake: a suspended task is queued, since one of its waits was
resolved and others are open. let_in: a run that its limits have let in starts.
run_start: a delayed run starts, or stands in a line. run_deadline: a run that has not
ended fails.';
comment on column stepgres.timers.remaining is
'The time that was left when the run was paused: the timer stands still.';
