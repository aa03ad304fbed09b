create function stepgres.start_task_graph(
    task_graph_id text,
    input jsonb default '{}',
    run_id uuid default null,
    idempotency_key text default null,
    executor_id text default null,
    tags text[] default null,
    parent_run_id uuid default null,
    optimization_level text default null,
    traceparent text default null
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs := stepgres._find_task_graph(start_task_graph.task_graph_id);
    v_version int;
    v_run stepgres.runs;
begin
    if v_graph.status <> 'approved' then
        raise exception 'task graph "%" is %, not approved%',
            v_graph.task_graph_id, v_graph.status, coalesce(': ' || v_graph.reason, '')
            using errcode = 'SG020', hint = case v_graph.status
                when 'decomposed' then 'Review its goal tasks, then call approve_task_graph.'
                else 'Change its goal tasks with save_task_graph, then call approve_task_graph.'
            end;
    elsif jsonb_typeof(coalesce(start_task_graph.input, '{}')) <> 'object' then
        raise exception 'the input of a task graph must be a JSON object, not %',
            jsonb_typeof(input)
            using errcode = 'SG003',
                hint = 'Pass an object: it is merged with {"goal": ...} for the first goal tasks.';
    elsif optimization_level is not null and not stepgres._may_call('{optimize_workflow}') then
        raise exception 'role "%" may not optimize workflow "%"',
            stepgres._caller(), v_graph.workflow_slug
            using errcode = 'SG026',
                hint = 'Leave optimization_level out, or let an admin call optimize_workflow.';
    end if;
    v_version := stepgres.register_workflow(v_graph.defaults || jsonb_build_object(
        'workflow_slug', v_graph.workflow_slug,
        'steps', stepgres._steps_only(v_graph.steps),
        'tasks', stepgres._resolve_goal_tasks(v_graph.tasks, v_graph.steps)
    ), make_current => true);
    -- check again: no other transaction defines the workflow until this transaction ends
    perform stepgres._guard_foreign_workflow(v_graph.workflow_slug);
    if optimization_level is not null then
        v_version := stepgres.optimize_workflow(
            v_graph.workflow_slug, start_task_graph.optimization_level
        );
    end if;
    v_run := stepgres._new_run(
        v_graph.workflow_slug, v_version, start_task_graph.executor_id, null, null, null,
        start_task_graph.tags, start_task_graph.parent_run_id, start_task_graph.traceparent
    );
    v_run.task_graph_id := v_graph.task_graph_id;
    v_run.run_id := start_task_graph.run_id;
    v_run.input := jsonb_build_object('goal', v_graph.goal)
        || coalesce(start_task_graph.input, '{}');
    v_run.idempotency_key := start_task_graph.idempotency_key;
    return stepgres._start_run(v_run, null);
end
$$;

comment on function stepgres.start_task_graph(
    text, jsonb, uuid, text, text, text[], uuid, text, text
) is
'Starts an approved task graph: registers its workflow, starts a run, and returns the run_id.

With an optimization_level, the workflow is first optimized from its earlier runs; this needs the
right to call optimize_workflow. The goal tasks that depend on nothing get {"goal": the goal} merged
with the input. The other arguments are the arguments of start_workflow_run.

Errors: SG001 an option that no step can have, SG003 the input is no object, or an unknown level,
SG007 the workflow was not made by task graphs, SG019 unknown task graph, SG020 the task graph is
not approved, SG026 the caller may not optimize, and the errors of start_workflow_run.';
