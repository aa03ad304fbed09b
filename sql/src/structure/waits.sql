-- A wait is changed only under the lock of its run.
create table stepgres.waits (
    wait_id bigint primary key generated always as identity,
    run_id uuid not null,
    workflow_slug text not null,
    step_slug text not null,
    task_index int not null default 0,
    name text not null default '',
    number int not null default 1,
    kind text not null,
    signal text,
    match jsonpath,
    key text,
    is_new boolean not null default false,
    is_gathered boolean not null default false,
    child_run_id uuid,
    is_detached boolean not null default false,
    approval jsonb,
    due_at timestamptz,
    remaining interval,
    opened_at timestamptz not null,
    resolved_at timestamptz,
    outcome text,
    payload jsonb,
    error text,
    signal_id bigint,
    constraint wait_is_opened_once unique (run_id, step_slug, task_index, name, number)
);

-- The indexes below hold the open waits: a wait that has been resolved leaves them. Each of them
-- also demands the column that it begins with. So a query that names another column cannot read all
-- of the index instead, which would seem as cheap to a planner that knows only an empty table.
-- The signal stands in the first index too: a signal finds its wait among a thousand of one run.
create index open_waits_by_run on stepgres.waits (run_id, signal, wait_id)
where resolved_at is null and run_id is not null;
create index open_waits_by_due_at on stepgres.waits (due_at)
where resolved_at is null and due_at is not null;
create unique index open_waits_by_key on stepgres.waits (signal, key)
where resolved_at is null and key is not null;
create index open_waits_by_child on stepgres.waits (child_run_id)
where resolved_at is null and child_run_id is not null;
create index new_waits on stepgres.waits (run_id) where is_new;

-- These indexes serve lists. A list orders by "+ 0" or "- 0", so only one index has its order. The
-- primary key would lead through waits that have been resolved, and the index of a kind through
-- the waits of other workflows.
create index open_waits_by_kind on stepgres.waits (kind, (wait_id + 0))
where resolved_at is null and kind is not null;
create index open_waits_by_workflow on stepgres.waits (workflow_slug, kind, (wait_id - 0))
where resolved_at is null and workflow_slug is not null;

comment on table stepgres.waits is
'Holds the waits: a wait keeps a run from going on, and no worker holds it.

Each wait is resolved once. A wait is open as long as resolved_at is null.';
comment on column stepgres.waits.workflow_slug is
'The workflow of the run: lists of the waits of a workflow read no other waits.';
comment on column stepgres.waits.name is
'The name of the operation in the body of a durable step; empty: the step itself waits.';
comment on column stepgres.waits.number is
'The use of the name in the body of a durable step; 1 for a step that waits itself.';
comment on column stepgres.waits.kind is
'The kind of the wait: signal, approval, sleep or child.';
comment on column stepgres.waits.match is
'Only a signal whose payload meets this JSON path resolves the wait.';
comment on column stepgres.waits.key is
'The key under which senders find the wait; no two open waits of a signal have the same key.';
comment on column stepgres.waits.is_new is
'No tick has compared the wait with all unread signals since the wait was committed.
A signal that was committed at the same moment may be unknown to the transaction that opened it.';
comment on column stepgres.waits.is_gathered is
'The task resumes when all of its gathered waits are resolved, or when one of them has failed.';
comment on column stepgres.waits.child_run_id is
'The run that the wait waits for.';
comment on column stepgres.waits.is_detached is
'The child run goes on if the body ends without it: the body has started it with
start_workflow_run.';
comment on column stepgres.waits.approval is
'What is to be decided: {"title", "description", "assignees", "form", "quorum"}.';
comment on column stepgres.waits.due_at is
'When the wait times out; infinity while the run is paused; null: the wait has no timeout.';
comment on column stepgres.waits.remaining is
'The time that was left when the run was paused: the time of the wait stands still.';
comment on column stepgres.waits.outcome is
'signalled, approved, rejected, timed_out, completed, failed or cancelled.';
comment on column stepgres.waits.payload is
'The payload of the signal, the decisions of the approval, or the output of the child run.';
comment on column stepgres.waits.signal_id is
'The signal that has resolved the wait.';

create type stepgres._new_wait as (
    run_id uuid,
    step_slug text,
    task_index int,
    name text,
    number int,
    kind text,
    signal text,
    match jsonpath,
    key text,
    is_gathered boolean,
    child_run_id uuid,
    approval jsonb,
    due_at timestamptz
);

create type stepgres._resolution as (
    wait_id bigint,
    outcome text,
    payload jsonb,
    error text,
    signal_id bigint
);

create type stepgres.wait as (
    wait_id bigint,
    run_id uuid,
    workflow_slug text,
    step_slug text,
    task_index int,
    name text,
    number int,
    kind text,
    signal text,
    match text,
    key text,
    child_run_id uuid,
    due_at timestamptz,
    opened_at timestamptz,
    resolved_at timestamptz,
    outcome text,
    payload jsonb,
    error text,
    signal_id bigint,
    approval jsonb
);

comment on type stepgres.wait is
'A wait as list_waits shows it; it is open as long as resolved_at is null.

kind is signal, approval, sleep or child. name is empty if the step itself waits. due_at is null if
the wait has no timeout, or while the run is paused. outcome is signalled, approved, rejected,
timed_out, completed, failed or cancelled.';
