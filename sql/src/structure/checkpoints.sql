create table stepgres.checkpoints (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    place int not null,
    name text not null,
    number int not null,
    wait_id bigint,
    output jsonb,
    error text,
    error_type text,
    saved_at timestamptz not null,
    primary key (run_id, step_slug, task_index, place),
    constraint operation_is_done_once unique (run_id, step_slug, task_index, name, number)
);

comment on table stepgres.checkpoints is
'Holds what the bodies of durable steps have done: a row for each call and each wait of a body.

The next execution of the body finds its answers here, by name and number. Rows are added only under
the lock of their run, and never change.';
comment on column stepgres.checkpoints.place is
'The order in which the operations of a task were saved, from 1 without gaps.';
comment on column stepgres.checkpoints.name is
'The name of the operation, which begins with its kind: "run charge", "sleep", "signal paid".';
comment on column stepgres.checkpoints.number is
'The use of the name in the body, from 1.';
comment on column stepgres.checkpoints.wait_id is
'The wait that has the answer; null: the operation is a call, and its answer is in this row.';
comment on column stepgres.checkpoints.error is
'The call failed, and the body went on; null: the call returned output.';

create table stepgres.suspensions (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    claim int not null,
    attempt int not null,
    started_at timestamptz not null,
    suspended_at timestamptz not null,
    resumed_at timestamptz,
    waits_for bigint[],
    primary key (run_id, step_slug, task_index, claim)
);

comment on table stepgres.suspensions is
'Stores when tasks of durable steps let go of their worker, and when they were queued again.

claim is the claim that ended with the suspension, and started_at its time. resumed_at is null while
the task is suspended, or if it was cancelled then.';
comment on column stepgres.suspensions.waits_for is
'The waits that the body goes on after; null: any of its waits.
Waits that the body has left behind wake nobody.';

create type stepgres.checkpoint as (
    place int,
    name text,
    number int,
    outcome text,
    output jsonb,
    error text,
    error_type text,
    wait_id bigint,
    child_run_id uuid
);

comment on type stepgres.checkpoint is
'An operation in the body of a durable step, as list_checkpoints shows it.

name and number are the key: the name begins with the kind of the operation. outcome is completed or
failed for a call. For a wait it is the outcome of the wait, or null while the wait is open.
child_run_id is the run that the wait waits for.';

create type stepgres.checkpoint_answer as (
    run_id uuid,
    step_slug text,
    task_index int,
    claim int,
    name text,
    number int,
    outcome text,
    output jsonb,
    error text,
    wait_id bigint,
    child_run_id uuid,
    is_refused boolean
);

comment on type stepgres.checkpoint_answer is
'What save_checkpoints knows about a wait, or (is_refused) the key of a task that was lost.

outcome is null while the wait is open.';

-- An operation that a worker saves for one of its tasks; wait is null for a call.
create type stepgres._operation as (
    run_id uuid,
    step_slug text,
    task_index int,
    claim int,
    name text,
    number int,
    wait jsonb,
    output jsonb,
    error text,
    error_type text,
    place bigint
);
