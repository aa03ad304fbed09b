-- The goal tasks stand in one document instead of rows, because they are written, shown and
-- replaced as a whole. The run of a graph executes a workflow version like any other.
create table stepgres.task_graphs (
    task_graph_id text primary key,
    goal text not null,
    status text not null default 'decomposed',
    reason text,
    workflow_slug text not null,
    defaults jsonb not null,
    tasks jsonb not null,
    steps jsonb not null,
    decomposed_at timestamptz not null,
    decided_at timestamptz,
    fingerprint text not null generated always as (
        md5(md5(goal) || md5(workflow_slug) || md5(defaults::text) || md5(tasks::text))
    ) stored,
    constraint task_graph_status_is_known check (status in ('decomposed', 'approved', 'rejected')),
    constraint task_graph_is_decided check ((status = 'decomposed') = (decided_at is null)),
    constraint task_graph_has_reason check ((status = 'rejected') = (reason is not null)),
    constraint task_graph_slug_is_slug check (workflow_slug::stepgres.slug is not null)
);

create index task_graphs_by_decomposed_at on stepgres.task_graphs (decomposed_at);
create index task_graphs_by_status on stepgres.task_graphs (status, decomposed_at);
create index task_graphs_by_workflow on stepgres.task_graphs (workflow_slug);

comment on table stepgres.task_graphs is
'Holds the goals with the goal tasks that a decomposer made of them, and their approval.';
comment on column stepgres.task_graphs.reason is
'The reason for which the graph was rejected.';
comment on column stepgres.task_graphs.workflow_slug is
'The workflow that the graph becomes when it is started.
It is the id of the graph, unless save_task_graph was given another slug.';
comment on column stepgres.task_graphs.defaults is
'The options of the workflow that the graph becomes, as register_workflow takes them.';
comment on column stepgres.task_graphs.tasks is
'The nested goal tasks as they were given, each with its id, description and depends_on.';
comment on column stepgres.task_graphs.fingerprint is
'The fingerprint changes whenever a change to the graph needs a new approval.
approve_task_graph compares it.';
comment on column stepgres.task_graphs.steps is
'The goal tasks and groups as a flat list, each with its path and the paths that it waits_for.
Each has also the step_slug that stands for it, the dependencies of this step, and its options.';

create type stepgres.task_graph as (
    task_graph_id text,
    goal text,
    status text,
    reason text,
    workflow_slug text,
    defaults jsonb,
    tasks jsonb,
    steps jsonb,
    decomposed_at timestamptz,
    decided_at timestamptz,
    fingerprint text
);

comment on type stepgres.task_graph is
'A task graph as functions return it, with the columns of the table task_graphs.';
