create function stepgres.approve_task_graph(task_graph_id text, fingerprint text default null)
returns stepgres.task_graph
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs := stepgres._find_task_graph(approve_task_graph.task_graph_id);
begin
    if v_graph.fingerprint <> approve_task_graph.fingerprint then
        raise exception 'task graph "%" has changed since it was read', v_graph.task_graph_id
            using errcode = 'SG008',
                hint = 'Read it again with get_task_graph, then approve the new fingerprint.';
    elsif v_graph.status = 'rejected' then
        raise exception 'task graph "%" was rejected: %', v_graph.task_graph_id, v_graph.reason
            using errcode = 'SG008',
                hint = 'Save other goal tasks with save_task_graph, then approve the task graph.';
    elsif v_graph.status = 'decomposed' then
        update stepgres.task_graphs as g set status = 'approved', decided_at = stepgres._now()
        where g.task_graph_id = v_graph.task_graph_id
        returning g.* into v_graph;
        perform stepgres._record_goal_event(v_graph);
    end if;
    return stepgres._shown_graph(v_graph);
end
$$;

comment on function stepgres.approve_task_graph(text, text) is
'Approves a task graph, so that start_task_graph can start it.

Approving an approved task graph changes nothing. fingerprint is the fingerprint of the graph that
the caller has read, from get_task_graph or save_task_graph: if the graph has changed since, it is
not approved. Without a fingerprint the graph is approved as it is now.

Errors: SG008 the graph was rejected, or has changed; SG019 unknown task graph.';
