create function stepgres.reject_task_graph(task_graph_id text, reason text)
returns stepgres.task_graph
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs := stepgres._find_task_graph(reject_task_graph.task_graph_id);
begin
    if coalesce(reject_task_graph.reason, '') = '' then
        raise exception 'task graph "%" cannot be rejected without a reason', v_graph.task_graph_id
            using errcode = 'SG003',
                hint = 'Say what is wrong with it: the next planner reads the reason.';
    end if;
    update stepgres.task_graphs as g
    set status = 'rejected', reason = reject_task_graph.reason, decided_at = stepgres._now()
    where g.task_graph_id = v_graph.task_graph_id
    returning g.* into v_graph;
    perform stepgres._record_goal_event(v_graph);
    return stepgres._shown_graph(v_graph);
end
$$;

comment on function stepgres.reject_task_graph(text, text) is
'Rejects a task graph, even an approved one: start_task_graph does not start it any more.

Runs of the task graph go on.

Errors: SG003 no reason, SG019 unknown task graph.';
