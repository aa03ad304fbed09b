create function stepgres.save_task_graph(
    goal text,
    tasks jsonb,
    task_graph_id text default null,
    workflow_slug text default null,
    defaults jsonb default '{}',
    max_depth int default 5,
    max_tasks int default 1000
) returns stepgres.task_graph
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_graph stepgres.task_graphs;
begin
    if defaults ->> 'events' <> 'none' then
        -- ahead of the lock of the graph: making a channel waits for others
        perform stepgres.create_channel('workflow_events');
    end if;
    if save_task_graph.task_graph_id is not null then
        v_graph := stepgres._find_task_graph(save_task_graph.task_graph_id);
    else
        v_graph.task_graph_id := 'htdag_' || replace(stepgres._new_run_id()::text, '-', '');
    end if;
    if coalesce(save_task_graph.goal, '') = '' then
        perform stepgres._decomposition_error(null, 'a goal must not be empty', 'Say in words what is to be reached.');
    end if;
    perform stepgres._check_goal_options(coalesce(save_task_graph.defaults, '{}'), stepgres._workflow_options(), null);
    v_graph.steps := stepgres._plan_tasks(
        save_task_graph.tasks, coalesce(save_task_graph.max_depth, 5), coalesce(save_task_graph.max_tasks, 1000)
    );
    v_graph.goal := save_task_graph.goal;
    v_graph.tasks := stepgres._normal_tasks(save_task_graph.tasks);
    v_graph.defaults := jsonb_strip_nulls(coalesce(save_task_graph.defaults, '{}'));
    v_graph.workflow_slug := coalesce(save_task_graph.workflow_slug, v_graph.workflow_slug, v_graph.task_graph_id);
    perform stepgres._guard_foreign_workflow(v_graph.workflow_slug);
    insert into stepgres.task_graphs as g (
        task_graph_id, goal, status, workflow_slug, defaults, tasks, steps, decomposed_at
    )
    values (
        v_graph.task_graph_id, v_graph.goal, 'decomposed', v_graph.workflow_slug, v_graph.defaults, v_graph.tasks,
        v_graph.steps, stepgres._now()
    )
    on conflict on constraint task_graphs_pkey do update set
        goal = excluded.goal, workflow_slug = excluded.workflow_slug, defaults = excluded.defaults,
        tasks = excluded.tasks, steps = excluded.steps, decomposed_at = excluded.decomposed_at,
        -- whoever has approved the tasks that stood here has not seen these
        status = excluded.status, reason = null, decided_at = null
    returning g.* into v_graph;
    perform stepgres._record_goal_event(v_graph);
    return stepgres._shown_graph(v_graph);
exception when check_violation then
    perform stepgres._decomposition_error(
        null, format('"%s" cannot be the slug of a workflow', save_task_graph.workflow_slug),
        'A slug starts with a letter or underscore, has only letters, digits and underscores, at most 128 of them, and is not "run".'
    );
end
$$;

comment on function stepgres.save_task_graph(text, jsonb, text, text, jsonb, int, int) is
'Checks and stores the tasks that a goal was decomposed into, and returns them as a task graph; nothing is executed.

A task: {"id": text, "description": text, "depends_on": [text], "subtasks": [task], "options": object}; only the id is needed, and
whatever else it has is kept. A task with subtasks is a group: it starts when what it depends on is done, ends when its subtasks
are, and its output is the object of their outputs by id. depends_on names tasks of the same group or of one around it, or any by
path, such as "design/api". The options of a task without subtasks are those of a step: max_attempts, timeout, execution, queue,
priority, resources, condition and so on; defaults are those of the workflow that the graph becomes when it is started, and
workflow_slug its slug, by default the id of the graph. With a task_graph_id the tasks of that graph are replaced, and have to be
approved anew; runs of it keep theirs.

The workflow is one of task graphs alone: one of that name that was registered or built otherwise stays as it is. The options sql_function,
transactional, queue, priority and resources are for those who may call register_workflow. approve_task_graph takes the fingerprint of the graph.

Errors: SG007 the workflow was not made by task graphs; SG018 names the task that breaks a rule, by its path; SG019 unknown task graph;
SG026 an option that the caller may not set.';
