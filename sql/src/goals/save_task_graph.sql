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
        -- before the lock of the task graph: making a channel waits for other transactions
        perform stepgres.create_channel('workflow_events');
    end if;
    if save_task_graph.task_graph_id is not null then
        v_graph := stepgres._find_task_graph(save_task_graph.task_graph_id);
    else
        v_graph.task_graph_id := 'htdag_' || replace((stepgres._new_run_ids(1))[1]::text, '-', '');
    end if;
    if coalesce(save_task_graph.goal, '') = '' then
        perform stepgres._decomposition_error(
            null, 'a goal must not be empty', 'Describe in words the aim of the task graph.'
        );
    end if;
    perform stepgres._check_goal_options(
        coalesce(save_task_graph.defaults, '{}'), stepgres._workflow_options(), null
    );
    v_graph.steps := stepgres._plan_goal_tasks(
        save_task_graph.tasks, coalesce(save_task_graph.max_depth, 5),
        coalesce(save_task_graph.max_tasks, 1000)
    );
    v_graph.goal := save_task_graph.goal;
    v_graph.tasks := stepgres._normal_goal_tasks(save_task_graph.tasks);
    v_graph.defaults := jsonb_strip_nulls(coalesce(save_task_graph.defaults, '{}'));
    v_graph.workflow_slug := coalesce(
        save_task_graph.workflow_slug, v_graph.workflow_slug, v_graph.task_graph_id
    );
    perform stepgres._guard_foreign_workflow(v_graph.workflow_slug);
    insert into stepgres.task_graphs as g (
        task_graph_id, goal, status, workflow_slug, defaults, tasks, steps, decomposed_at
    )
    values (
        v_graph.task_graph_id, v_graph.goal, 'decomposed', v_graph.workflow_slug, v_graph.defaults,
        v_graph.tasks, v_graph.steps, stepgres._now()
    )
    on conflict on constraint task_graphs_pkey do update set
        goal = excluded.goal, workflow_slug = excluded.workflow_slug, defaults = excluded.defaults,
        tasks = excluded.tasks, steps = excluded.steps, decomposed_at = excluded.decomposed_at,
        -- an approval of the old goal tasks does not cover the new goal tasks
        status = excluded.status, reason = null, decided_at = null
    returning g.* into v_graph;
    perform stepgres._record_goal_event(v_graph);
    return stepgres._shown_graph(v_graph);
exception when check_violation then
    perform stepgres._decomposition_error(
        null, format('"%s" cannot be the slug of a workflow', save_task_graph.workflow_slug),
        'A slug starts with a letter or underscore, has only letters, digits and underscores, '
        'at most 128 of them, and is not "run".'
    );
end
$$;

comment on function stepgres.save_task_graph(text, jsonb, text, text, jsonb, int, int) is
'Checks and stores the goal tasks of a goal, and returns them as a task graph; executes nothing.

A goal task is {"id": text, "description": text, "depends_on": [text], "subtasks": [goal task],
"options": object}. Only the id is required; other keys of a goal task are kept. A goal task with
subtasks is a group. A group starts when its dependencies are done, and ends when its subtasks are
done; its output is the object of the outputs of its subtasks by id. depends_on names goal tasks of
the same group or of a group around it, or any goal task by its path, such as "design/api". The
options of a goal task without subtasks are the options of a step: max_attempts, timeout, execution,
queue, priority, resources, condition and so on.

When the graph starts, it becomes a workflow. defaults are the options of this workflow, and
workflow_slug is its slug, by default the id of the graph. A task_graph_id replaces the goal tasks
of this graph, which then needs a new approval; runs of the graph keep their goal tasks.

The workflow belongs to task graphs alone: a workflow of the same name that was registered or built
otherwise does not change. Only roles that may call register_workflow set the options sql_function,
transactional, queue, priority and resources. approve_task_graph takes the fingerprint of the graph.

Errors: SG007 the workflow was not made by task graphs; SG018 names the goal task that breaks a
rule, by its path; SG019 unknown task graph; SG026 an option that the caller may not set.';
