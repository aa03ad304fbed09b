-- A graph row has only its present status, and a graph may be changed and decided again. This table
-- keeps each earlier status as a row, for as long as the graph exists.
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
'Stores each time that a task graph was decomposed, approved or rejected.';
comment on column stepgres.task_graph_changes.workflow_slug is
'The workflow that the graph would have become at that time.';
