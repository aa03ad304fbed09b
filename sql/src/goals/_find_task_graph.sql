create function stepgres._find_task_graph(task_graph_id text) returns stepgres.task_graphs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs;
begin
    select g.* into v_graph from stepgres.task_graphs as g
    where g.task_graph_id = _find_task_graph.task_graph_id for update;
    if not found then
        perform stepgres._task_graph_not_found(_find_task_graph.task_graph_id);
    end if;
    return v_graph;
end
$$;

comment on function stepgres._find_task_graph(text) is
'Returns a task graph, and locks it until the transaction ends; raises SG019 if it does not exist.';
