create function stepgres.list_goal_events(
    task_graph_id text default null, workflow_slug text default null,
    happened_within interval default null
) returns setof stepgres.run_event
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_since timestamptz := coalesce(stepgres._ago(list_goal_events.happened_within), '-infinity');
    v_graph_ids text[] := array[list_goal_events.task_graph_id];
begin
    if list_goal_events.task_graph_id is null then
        v_graph_ids := array(
            select distinct c.task_graph_id from stepgres.task_graph_changes as c
            where c.changed_at >= v_since
        );
    elsif not exists (
        select from stepgres.task_graphs as g where g.task_graph_id = any (v_graph_ids)
    ) then
        perform stepgres._task_graph_not_found(list_goal_events.task_graph_id);
    end if;
    return query
    select e.event_type, e.run_id, e.workflow_slug, e.task_graph_id, e.step_slug, e.task_index,
        e.attempt, e.occurred_at, e.error
    from stepgres.run_events as e
    where e.run_id is null and e.task_graph_id = any (v_graph_ids) and e.occurred_at >= v_since
        and e.workflow_slug = coalesce(list_goal_events.workflow_slug, e.workflow_slug)
    order by e.occurred_at, e.event_order;
end
$$;

comment on function stepgres.list_goal_events(text, text, interval) is
'Returns when task graphs were decomposed, approved and rejected, in order.

The task graphs are one task graph, the task graphs of a workflow, or all. happened_within limits
the events to the last such interval; null returns all events. The view run_events shows the same
events without a run. A client that follows goals calls this function after the notification of a
task graph, and now and then to find task graphs that no notification announced.

Errors: SG019 unknown task graph.';
