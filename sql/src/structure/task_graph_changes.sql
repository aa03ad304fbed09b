-- A graph has only its present status, and may be changed and decided anew: what it was before stands here,
-- a row for each time, for as long as there is the graph.
create table stepgres.task_graph_changes (
    task_graph_id text not null references stepgres.task_graphs on delete cascade,
    change_number int not null,
    status text not null,
    workflow_slug text not null,
    changed_at timestamptz not null,
    reason text,
    primary key (task_graph_id, change_number)
);

create index task_graph_changes_by_time on stepgres.task_graph_changes (changed_at);

comment on table stepgres.task_graph_changes is
'When task graphs were decomposed, approved and rejected, the last time and all times before.';
comment on column stepgres.task_graph_changes.workflow_slug is
'What the graph would have become at that time.';
