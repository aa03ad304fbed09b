create function stepgres._record_goal_event(graph stepgres.task_graphs) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._follow();
    insert into stepgres.task_graph_changes (
        task_graph_id, change_number, status, workflow_slug, changed_at, reason
    )
    select graph.task_graph_id, coalesce(max(c.change_number) + 1, 1), graph.status,
        graph.workflow_slug,
        coalesce(graph.decided_at, graph.decomposed_at), graph.reason
    from stepgres.task_graph_changes as c
    where c.task_graph_id = graph.task_graph_id;

    if graph.defaults ->> 'events' <> 'none' then
        perform stepgres.send_with_notify('workflow_events', jsonb_strip_nulls(jsonb_build_object(
            'type', 'goal_' || graph.status, 'task_graph_id', graph.task_graph_id,
            'workflow_slug', graph.workflow_slug, 'error', graph.reason
        )));
    end if;
end
$$;

comment on function stepgres._record_goal_event(stepgres.task_graphs) is
'Records the new status of a task graph, and sends it to the channel workflow_events.

The event is sent only if the events setting of the task graph is run or task.';
