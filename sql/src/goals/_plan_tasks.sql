create function stepgres._plan_tasks(tasks jsonb, max_depth int, max_tasks int) returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- the settings of work are for lookups by key: they would compare each task with each other task
set enable_hashjoin = on
set enable_mergejoin = on
set cpu_tuple_cost = 0.01
as $$
declare
    v_tasks stepgres._goal_task[];
    v_dependencies stepgres._goal_dependency[];
    v_steps jsonb;
    v_culprit record;
begin
    select array_agg(t order by t.place) into v_tasks
    from stepgres._flatten_tasks(_plan_tasks.tasks, _plan_tasks.max_depth) as t;
    if v_tasks is null then
        perform stepgres._decomposition_error(
            null,
            case when jsonb_typeof(_plan_tasks.tasks) = 'array' then 'there are no tasks'
                else 'the tasks must be a JSON array, not '
                    || coalesce(jsonb_typeof(_plan_tasks.tasks), 'null') end,
            'A decomposer returns at least one task: '
            '[{"id": "design", "description": "Design it", "depends_on": []}].'
        );
    end if;
    perform stepgres._check_tasks(v_tasks, _plan_tasks.max_depth, _plan_tasks.max_tasks);
    v_dependencies := array(
        select d::stepgres._goal_dependency from stepgres._find_dependencies(v_tasks) as d
    );

    select d.path, d.named into v_culprit
    from unnest(v_dependencies)
        with ordinality as d (path, dependency_index, named, depends_on, place)
    where d.depends_on is null
    order by d.place
    limit 1;
    if found then
        perform stepgres._decomposition_error(
            v_culprit.path,
            format('it depends on "%s", which is not a task', v_culprit.named),
            'Name a task of the same group, or any task by its path; top-level tasks are ' || (
                select string_agg(k.path, ', ' order by k.place)
                from (
                    select t.path, t.place from unnest(v_tasks) as t
                    where t.parent is null
                    order by t.place
                    limit 20
                ) as k
            ) || '.'
        );
    end if;
    perform stepgres._check_task_order(v_tasks, v_dependencies);

    v_steps := stepgres._plan_steps(v_tasks, v_dependencies);
    select s.step ->> 'path' as path, s.step ->> 'step_slug' as step_slug into v_culprit
    from (
        select k.step,
            row_number() over (partition by k.step ->> 'step_slug' order by k.place) as occurrence
        from jsonb_array_elements(v_steps) with ordinality as k (step, place)
    ) as s
    where s.occurrence > 1
    limit 1;
    if found then
        perform stepgres._decomposition_error(
            v_culprit.path,
            format('its step would be "%s", like the step of another task', v_culprit.step_slug),
            'Two underscores stand for the slash of a path: choose another id.'
        );
    end if;
    return v_steps;
end
$$;

comment on function stepgres._plan_tasks(jsonb, int, int) is
'Checks nested tasks, and returns them flat, as the steps that they become.

The function raises SG018 and names the first task that breaks a rule.';
