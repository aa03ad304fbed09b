create function stepgres.get_task_graph(task_graph_id text) returns stepgres.task_graph
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs;
begin
    select g.* into v_graph from stepgres.task_graphs as g
    where g.task_graph_id = get_task_graph.task_graph_id;
    if not found then
        perform stepgres._task_graph_not_found(get_task_graph.task_graph_id);
    end if;
    return stepgres._shown_graph(v_graph);
end
$$;

comment on function stepgres.get_task_graph(text) is
'Returns a task graph: its goal, goal tasks, status and the steps that the goal tasks become.

Errors: SG019 unknown task graph.';
