create function stepgres._plan_goal_tasks(goal_tasks jsonb, max_depth int, max_tasks int)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- the settings of work are for lookups by key: they would compare each goal task with each other
set enable_hashjoin = on
set enable_mergejoin = on
set cpu_tuple_cost = 0.01
as $$
declare
    v_goal_tasks stepgres._goal_task[];
    v_dependencies stepgres._goal_dependency[];
    v_steps jsonb;
    v_culprit record;
begin
    select array_agg(t order by t.place) into v_goal_tasks
    from stepgres._flatten_goal_tasks(_plan_goal_tasks.goal_tasks, _plan_goal_tasks.max_depth) as t;
    if v_goal_tasks is null then
        perform stepgres._decomposition_error(
            null,
            case when jsonb_typeof(_plan_goal_tasks.goal_tasks) = 'array'
                then 'there are no goal tasks'
                else 'the goal tasks must be a JSON array, not '
                    || coalesce(jsonb_typeof(_plan_goal_tasks.goal_tasks), 'null') end,
            'A decomposer returns at least one goal task: '
            '[{"id": "design", "description": "Design it", "depends_on": []}].'
        );
    end if;
    perform stepgres._check_goal_tasks(
        v_goal_tasks, _plan_goal_tasks.max_depth, _plan_goal_tasks.max_tasks
    );
    v_dependencies := array(
        select d::stepgres._goal_dependency from stepgres._find_dependencies(v_goal_tasks) as d
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
            format('it depends on "%s", which is not a goal task', v_culprit.named),
            'Name a goal task of the same group, or any by its path; top-level goal tasks are ' || (
                select string_agg(k.path, ', ' order by k.place)
                from (
                    select t.path, t.place from unnest(v_goal_tasks) as t
                    where t.parent is null
                    order by t.place
                    limit 20
                ) as k
            ) || '.'
        );
    end if;
    perform stepgres._check_goal_task_order(v_goal_tasks, v_dependencies);

    v_steps := stepgres._plan_steps(v_goal_tasks, v_dependencies);
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
            format(
                'its step would be "%s", like the step of another goal task', v_culprit.step_slug
            ),
            'Two underscores stand for the slash of a path: choose another id.'
        );
    end if;
    return v_steps;
end
$$;

comment on function stepgres._plan_goal_tasks(jsonb, int, int) is
'Checks nested goal tasks, and returns them flat, as the steps that they become.

The function raises SG018 and names the first goal task that breaks a rule.';
