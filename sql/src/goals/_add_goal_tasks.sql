create function stepgres._add_goal_tasks(
    run_id uuid, step_slug text, goal_tasks jsonb, finished stepgres._step_key[]
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
    v_version stepgres.workflow_versions;
    v_goal_tasks jsonb;
    v_planned jsonb;
    v_steps stepgres.steps[];
    v_dependencies stepgres.dependencies[];
    v_culprit text;
begin
    select r.* into v_run from stepgres.runs as r
    where r.run_id = _add_goal_tasks.run_id and r.status = 'started';
    if not found or goal_tasks = '[]' then
        return;
    end if;
    select w.* into v_version from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (v_run.workflow_slug, v_run.version);
    if v_version.tasks is null then
        perform stepgres._decomposition_error(
            null,
            format(
                'run %s is not a run of a task graph: goal tasks cannot be added to it',
                v_run.run_id
            ),
            'Start it with start_task_graph.'
        );
    end if;
    -- Plan all goal tasks together, as save_task_graph would: this checks names, groups, cycles.
    v_goal_tasks := stepgres._join_goal_tasks(
        v_version.tasks, _add_goal_tasks.step_slug, _add_goal_tasks.goal_tasks
    );
    v_planned := stepgres._plan_goal_tasks(v_goal_tasks, 100, 10000);
    v_version.version := (-nextval('stepgres._own_versions'))::int;
    v_version.tasks := stepgres._resolve_goal_tasks(
        stepgres._normal_goal_tasks(v_goal_tasks), v_planned
    );
    v_version.fingerprint := null;
    v_version.is_used := false;
    v_version.created_at := stepgres._now();
    insert into stepgres.workflow_versions select v_version.*;
    v_culprit := format('run %s', v_run.run_id);
    select r.steps, r.dependencies into v_steps, v_dependencies
    from stepgres._read_steps(v_version, stepgres._steps_only(v_planned), v_culprit) as r;
    perform stepgres._insert_steps(v_version.version, v_steps, v_dependencies, v_culprit);
    perform stepgres._apply_optimizations(v_version);
    update stepgres.workflow_versions as w set is_used = true
    where (w.workflow_slug, w.version) = (v_version.workflow_slug, v_version.version);
    perform stepgres._move_run(v_run.run_id, v_version.version, _add_goal_tasks.finished);
    perform stepgres._delete_own_version(v_run.workflow_slug, v_run.version);
end
$$;

comment on function stepgres._add_goal_tasks(uuid, text, jsonb, stepgres._step_key[]) is
'Adds goal tasks beside the goal task of a step that has just been completed.

The run moves to a version of its own, which has the added goal tasks. finished are the steps that
_advance will count down next.';
