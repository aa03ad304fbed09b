-- The end of a child locks no parent, and the end of a parent locks no child: it inserts a row
-- here, and tick does the rest. So does the end of a run that holds back a run with its unique_key.
create table stepgres.child_changes (
    change text not null,
    run_id uuid not null,
    reason text,
    primary key (change, run_id),
    constraint child_change_is_known check (change in ('ended', 'cancel', 'begin'))
);

comment on table stepgres.child_changes is
'Holds what tick has still to do for runs because other runs have ended.

ended: an awaited run has ended, and the wait of its parent is open. cancel: the run is cancelled,
and the runs under it, because its parent has ended. begin: the run was held, because the run before
it with the same unique_key had not ended.';
comment on column stepgres.child_changes.reason is
'cancel: the reason of the cancellation. ended: why the run could not start; then it has no row.';

create type stepgres._new_child as (
    run_id uuid,
    step_slug text,
    task_index int,
    name text,
    number int,
    is_gathered boolean,
    is_detached boolean,
    workflow_slug text,
    version int,
    input jsonb,
    retried_from uuid
);

create type stepgres._family as (
    active uuid[], -- noqa: LT01
    is_large boolean
);

create type stepgres.run_node as (
    run_id uuid,
    parent_run_id uuid,
    level int,
    step_slug text,
    task_index int,
    workflow_slug text,
    version int,
    status text,
    error text,
    inserted_at timestamptz,
    paused_at timestamptz,
    cancelled_at timestamptz,
    finished_at timestamptz
);

comment on type stepgres.run_node is
'A run of a tree as get_run_tree shows it; level is 0 for the root, 1 for its children.

step_slug and task_index are the task of the parent that waits for the run, or null.';
