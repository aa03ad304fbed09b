create function stepgres.delete_task_graph(task_graph_id text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from stepgres.task_graphs as g where g.task_graph_id = delete_task_graph.task_graph_id;
    if not found then
        perform stepgres._task_graph_not_found(delete_task_graph.task_graph_id);
    end if;
end
$$;

comment on function stepgres.delete_task_graph(text) is
'Deletes a task graph and its history.

Its workflow and runs stay; delete_flow deletes the workflow and the runs.

Errors: SG019 unknown task graph.';
