-- The tasks stand in one document, and not in rows: they are written, shown and replaced as a whole, and
-- what is executed is a version of a workflow like any other.
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
create index task_graphs_by_workflow on stepgres.task_graphs (workflow_slug);

comment on table stepgres.task_graphs is
'Goals with the tasks that a decomposer made of them: decomposed, then approved or rejected.';
comment on column stepgres.task_graphs.reason is
'Why the graph was rejected.';
comment on column stepgres.task_graphs.workflow_slug is
'The workflow that the graph becomes when it is started; its id, unless save_task_graph was given another.';
comment on column stepgres.task_graphs.defaults is
'Options of that workflow, as register_workflow takes them.';
comment on column stepgres.task_graphs.tasks is
'The tasks as they were given, nested: each with its id, description and depends_on.';
comment on column stepgres.task_graphs.fingerprint is
'What approve_task_graph compares: another one as soon as there is anything else to approve.';
comment on column stepgres.task_graphs.steps is
'The tasks and groups flat: each with its path, the paths that it waits_for, the step_slug that stands for it, what that depends on, and its options.';

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
'A task graph as functions return it: what table task_graphs holds of it.';
