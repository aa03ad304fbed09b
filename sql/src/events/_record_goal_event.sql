create function stepgres._record_goal_event(graph stepgres.task_graphs) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into stepgres.task_graph_changes (
        task_graph_id, change_number, status, workflow_slug, changed_at, reason
    )
    select graph.task_graph_id, coalesce(max(c.change_number) + 1, 1), graph.status, graph.workflow_slug,
        coalesce(graph.decided_at, graph.decomposed_at), graph.reason
    from stepgres.task_graph_changes as c
    where c.task_graph_id = graph.task_graph_id;

    if graph.defaults ->> 'events' <> 'none' then
        perform stepgres.send_with_notify('workflow_events', jsonb_strip_nulls(jsonb_build_object(
            'type', 'goal_' || graph.status, 'task_graph_id', graph.task_graph_id,
            'workflow_slug', graph.workflow_slug, 'error', graph.reason
        )));
    end if;

    perform pg_notify(stepgres._hint_channel(s.workflow_slug), graph.task_graph_id)
    from (
        select distinct o.workflow_slug from stepgres.subscribers as o
        where o.run_id is null and o.every_change
            and (o.workflow_slug is null or o.workflow_slug = graph.workflow_slug)
    ) as s;
end
$$;

comment on function stepgres._record_goal_event(stepgres.task_graphs) is
'Writes down what has just become of a task graph, sends it to the channel workflow_events where its workflow wants that, and
notifies, at commit, those who subscribed to that workflow or to all.';
