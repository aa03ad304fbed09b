-- There are neither foreign keys nor checks on runs, step_states and tasks: they would cost each
-- step a tenth of its time. fsck() finds rows that break the rules, and the tests install triggers
-- that refuse such rows.
--
-- No index has a column that changes while a run is executed, so that updates stay HOT. HOT also
-- needs room in a page for new versions of all its rows at once, because a batch changes
-- neighbours. With a fillfactor of 70, a fifth to a quarter of the updates in the benchmark are not
-- HOT; with the fillfactors below, almost all are.
create table stepgres.runs (
    run_id uuid primary key,
    workflow_slug text not null,
    version int not null,
    status text not null default 'started',
    remaining_ends int not null,
    executor_id text,
    priority int,
    idempotency_key text,
    tags text[],
    deadline interval,
    parent_run_id uuid,
    retried_from uuid,
    task_graph_id text,
    inserted_at timestamptz not null,
    paused_at timestamptz,
    cancelled_at timestamptz,
    finished_at timestamptz,
    failed_step text,
    error text,
    input jsonb not null,
    output jsonb,
    depth int,
    forked_from uuid,
    is_limited boolean,
    unique_key text,
    payloads_deleted_at timestamptz,
    on_failure text,
    failure_of uuid,
    traceparent text
) with (fillfactor = 45);

create unique index runs_by_idempotency_key on stepgres.runs (workflow_slug, idempotency_key)
where idempotency_key is not null;

-- These indexes serve lists; their columns never change. Runs that one call has started have one
-- time. So the id is a part of the order: a page reads its runs, and not all runs of that time.
create index runs_by_workflow on stepgres.runs (workflow_slug, inserted_at, run_id);
create index runs_by_parent on stepgres.runs (parent_run_id) where parent_run_id is not null;
create index runs_by_retried_from on stepgres.runs (retried_from) where retried_from is not null;
create index runs_by_task_graph on stepgres.runs (task_graph_id) where task_graph_id is not null;
create index runs_by_tag on stepgres.runs using gin (tags) where tags is not null;

comment on table stepgres.runs is
'Holds the runs; a run is one execution of a workflow version with one input.';
comment on column stepgres.runs.remaining_ends is
'The number of unfinished steps on which no unfinished step depends; at 0 the run is complete.
So most steps of a run finish without a change of its row.';
comment on column stepgres.runs.priority is
'The priority that replaces the priorities of the steps; null: the steps keep theirs.';
comment on column stepgres.runs.executor_id is
'The worker that executes the local steps of the run; null: every step goes through its queue.';

comment on column stepgres.runs.deadline is
'The run fails if it has not ended within this time after its start.';
comment on column stepgres.runs.parent_run_id is
'The run that started this run; cancelling the parent cancels this run too.';
comment on column stepgres.runs.depth is
'How many runs above this run wait for it, each for the next; null: no run waits for it.';
comment on column stepgres.runs.is_limited is
'The workflow has limits: the run stands in a line first, and keeps its places until it ends. null:
it has none.';
comment on column stepgres.runs.payloads_deleted_at is
'When tick deleted the inputs and outputs of the run, as the option keep of the workflow says. JSON
null stands in their place.';
comment on column stepgres.runs.forked_from is
'The run whose finished steps this run has taken over, see fork_run.';
comment on column stepgres.runs.unique_key is
'Of the runs of the workflow with this key one is active; unique_runs holds it. null: no key.';
comment on column stepgres.runs.on_failure is
'The workflow that is started if the run fails, as the version said when the run started.
It is null for a run with a failure_of: the failure of such a run starts nothing.';
comment on column stepgres.runs.failure_of is
'The failed run for which this run, or the run above it, was started as on_failure says.';
comment on column stepgres.runs.traceparent is
'The span under which the spans of the run are, as W3C Trace Context writes it.
Child runs, retries, forks and the run of on_failure have the same. null: the run is not traced.';
comment on column stepgres.runs.retried_from is
'The failed run that this run retries.';
comment on column stepgres.runs.task_graph_id is
'The task graph that the run executes; the graph may have been changed or deleted since.';

-- Active runs have a table of their own instead of an index on status. So the last update of a run
-- stays HOT too, and tick() never reads a finished run.
create table stepgres.active_runs (
    run_id uuid primary key,
    workflow_slug text not null,
    inserted_at timestamptz not null
);

create index active_runs_by_workflow on stepgres.active_runs (workflow_slug, inserted_at, run_id);

comment on table stepgres.active_runs is
'Holds the runs that are not finished.

tick() looks here for tasks of dead workers and for lost tickets. Lists of active runs read it
too.';

-- Failed runs have a table for the same reason: a search for failed runs does not read a million
-- other runs.
create table stepgres.failed_runs (
    run_id uuid primary key,
    workflow_slug text not null,
    inserted_at timestamptz not null
);

create index failed_runs_by_workflow on stepgres.failed_runs (workflow_slug, inserted_at, run_id);

comment on table stepgres.failed_runs is
'Holds the runs that have failed, for lists of failed runs.';

-- The table does not reference workflows: a reference would lock the row of the workflow, and prune
-- waits for nobody.
create table stepgres.prunings (
    workflow_slug text primary key,
    position timestamptz not null
);

comment on table stepgres.prunings is
'Stores how far prune() has come in the runs of each workflow.

When no old run is left behind this position, prune() begins anew.';

create type stepgres._old_run as (
    run_id uuid,
    workflow_slug text,
    inserted_at timestamptz,
    part int
);

create table stepgres.pauses (
    run_id uuid not null,
    paused_at timestamptz not null,
    resumed_at timestamptz,
    is_inherited boolean not null default false,
    primary key (run_id, paused_at)
);

comment on table stepgres.pauses is
'Stores when runs were paused and resumed; null: the pause goes on, or the run ended in it.';
comment on column stepgres.pauses.is_inherited is
'The run was paused together with its parent, and is resumed together with it.';
