create function stepgres._plan_steps(
    goal_tasks stepgres._goal_task[], dependencies stepgres._goal_dependency[]
) returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- A group becomes the step that ends it, which gathers the outputs of its subtasks. No step
    -- starts a group: a subtask that depends on nothing in the group has the dependencies of the
    -- group.
    with recursive own as (
        select d.path, array_agg(d.depends_on order by d.first_index) as depends_on
        from (
            select n.path, n.depends_on, min(n.dependency_index) as first_index
            from unnest(dependencies) as n group by n.path, n.depends_on
        ) as d
        group by d.path
    ),
    entered as (
        select t.place, t.path, t.parent, t.is_group, t.document,
            coalesce(o.depends_on, '{}') as depends_on,
            not exists (
                select from unnest(o.depends_on) as n (path)
                where starts_with(n.path, t.parent || '/')
            ) as is_entry
        from unnest(goal_tasks) as t
        left join own as o on o.path = t.path
    ),
    planned as (
        select e.place, e.path, e.is_group, e.document, e.depends_on as waits_for, e.depends_on
        from entered as e
        where e.parent is null
        union all
        select e.place, e.path, e.is_group, e.document, e.depends_on,
            case when e.is_entry then p.depends_on || array(
            select n.path from unnest(e.depends_on) with ordinality as n (path, place)
            where n.path <> all (p.depends_on) order by n.place
        ) else e.depends_on end
        from planned as p
        join entered as e on e.parent = p.path
    ),
    members as (
        select t.parent, array_agg(t.path order by t.place) as paths,
            array_agg(t.document ->> 'id' order by t.place) as ids
        from unnest(goal_tasks) as t group by t.parent
    )
    select to_jsonb(array_agg(
        jsonb_build_object(
            'path', p.path,
            'waits_for', p.waits_for,
            'step_slug', stepgres._goal_task_slug(p.path),
            'depends_on', to_jsonb(array(
                select stepgres._goal_task_slug(n.path)
                from unnest(coalesce(m.paths, p.depends_on)) with ordinality as n (path, place)
                order by n.place
            ))
        )
        || case when p.is_group then jsonb_build_object('gathers', m.ids) else '{}' end
        || coalesce(jsonb_strip_nulls(p.document -> 'options'), '{}')
        order by p.place
    ))
    from planned as p
    left join members as m on m.parent = p.path
$$;

comment on function stepgres._plan_steps(stepgres._goal_task[], stepgres._goal_dependency[]) is
'Returns the goal tasks as the steps that register_workflow takes.

In addition each step has its path, and in waits_for the paths that the goal task was said to wait
for.';
