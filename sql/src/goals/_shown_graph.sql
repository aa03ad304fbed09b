create function stepgres._shown_graph(graph stepgres.task_graphs) returns stepgres.task_graph
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select (
        graph.task_graph_id,
        graph.goal,
        graph.status,
        graph.reason,
        graph.workflow_slug,
        graph.defaults,
        graph.tasks,
        graph.steps,
        graph.decomposed_at,
        graph.decided_at,
        graph.fingerprint
    )::stepgres.task_graph
$$;

comment on function stepgres._shown_graph(stepgres.task_graphs) is
'A row of table task_graphs as functions return it.';
