create function stepgres._check_goal_task_order(
    goal_tasks stepgres._goal_task[], dependencies stepgres._goal_dependency[]
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_nodes text[];
    v_dependents text[];
    v_dependencies text[];
    v_message text;
begin
    -- A goal task is a node. A group is two nodes: its end and (with a slash) its start. So a group
    -- of any size costs no more than its members, and a cycle through a group is like any other
    -- cycle.
    select array_agg(n.node order by t.place, n.node desc) into v_nodes
    from unnest(_check_goal_task_order.goal_tasks) as t
    cross join unnest(
        case when t.is_group then array[t.path || '/', t.path] else array[t.path] end
    ) as n (node);
    select array_agg(e.dependent), array_agg(e.dependency) into v_dependents, v_dependencies
    from (
        select d.path || case when t.is_group then '/' else '' end as dependent,
            d.depends_on as dependency
        from unnest(_check_goal_task_order.dependencies) as d
        join unnest(_check_goal_task_order.goal_tasks) as t on t.path = d.path
        union all
        select t.path || case when t.is_group then '/' else '' end, t.parent || '/'
        from unnest(_check_goal_task_order.goal_tasks) as t where t.parent is not null
        union all
        select t.parent, t.path
        from unnest(_check_goal_task_order.goal_tasks) as t where t.parent is not null
        union all
        select t.path, t.path || '/'
        from unnest(_check_goal_task_order.goal_tasks) as t where t.is_group
    ) as e;
    perform stepgres._order_steps(
        v_nodes, coalesce(v_dependents, '{}'), coalesce(v_dependencies, '{}')
    );
exception when sqlstate 'SG001' then
    get stacked diagnostics v_message = message_text;
    perform stepgres._decomposition_error(
        null,
        regexp_replace(replace(v_message, 'the steps', 'the goal tasks'), '/( |$)', '\1', 'g'),
        'A -> B means that A waits for B: A depends on B, contains B, or is in B. '
        'Remove one of these dependencies.'
    );
end
$$;

comment on function stepgres._check_goal_task_order(
    stepgres._goal_task[], stepgres._goal_dependency[]
) is
'Raises SG018 if goal tasks wait for each other in a cycle, also through groups that contain them.';
