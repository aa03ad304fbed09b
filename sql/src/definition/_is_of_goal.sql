create function stepgres._is_of_goal(workflow stepgres.workflows) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((
        select w.tasks is not null from stepgres.workflow_versions as w
        where w.workflow_slug = workflow.workflow_slug and w.version = workflow.current_version
    ), false)
$$;

comment on function stepgres._is_of_goal(stepgres.workflows) is
'Says whether start_task_graph has made the workflow from a task graph.';
