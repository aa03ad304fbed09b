create function stepgres._flatten_goal_tasks(goal_tasks jsonb, max_depth int)
returns setof stepgres._goal_task
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Return one level more than is allowed, so that an error can name a goal task that is
    -- too deep.
    -- Return values of the wrong shape as they are: _check_goal_tasks refuses them.
    with recursive flat as (
        select array[e.place] as places, coalesce(e.goal_task ->> 'id', '#' || e.place) as path,
            null::text as parent, 1 as depth, array[''] as scopes, e.goal_task
        from jsonb_array_elements(case jsonb_typeof(goal_tasks) when 'array' then goal_tasks end)
            with ordinality as e (goal_task, place)
        union all
        select f.places || e.place, f.path || '/' || coalesce(e.goal_task ->> 'id', '#' || e.place),
            f.path, f.depth + 1, (f.path || '/') || f.scopes, e.goal_task
        from flat as f
        cross join jsonb_array_elements(
            case jsonb_typeof(f.goal_task -> 'subtasks')
                when 'array' then f.goal_task -> 'subtasks'
            end
        )
            with ordinality as e (goal_task, place)
        where f.depth <= max_depth
    )
    select row_number() over (order by f.places), f.path, f.parent, f.depth, f.scopes,
        f.goal_task -> 'subtasks' <> '[]'
            and jsonb_typeof(f.goal_task -> 'subtasks') = 'array' is true,
        case
            when jsonb_typeof(f.goal_task -> 'subtasks') = 'array' then f.goal_task - 'subtasks'
            else f.goal_task
        end
    from flat as f
$$;

comment on function stepgres._flatten_goal_tasks(jsonb, int) is
'Returns nested goal tasks in the order of the document, each group before its subtasks.';
