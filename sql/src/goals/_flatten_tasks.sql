create function stepgres._flatten_tasks(tasks jsonb, max_depth int)
returns setof stepgres._goal_task
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Return one level more than is allowed, so that an error can name a task that is too deep.
    -- Return values of the wrong shape as they are: _check_tasks refuses them.
    with recursive flat as (
        select array[e.place] as places, coalesce(e.task ->> 'id', '#' || e.place) as path,
            null::text as parent, 1 as depth, array[''] as scopes, e.task
        from jsonb_array_elements(case jsonb_typeof(tasks) when 'array' then tasks end)
            with ordinality as e (task, place)
        union all
        select f.places || e.place, f.path || '/' || coalesce(e.task ->> 'id', '#' || e.place),
            f.path, f.depth + 1, (f.path || '/') || f.scopes, e.task
        from flat as f
        cross join jsonb_array_elements(
            case jsonb_typeof(f.task -> 'subtasks') when 'array' then f.task -> 'subtasks' end
        )
            with ordinality as e (task, place)
        where f.depth <= max_depth
    )
    select row_number() over (order by f.places), f.path, f.parent, f.depth, f.scopes,
        f.task -> 'subtasks' <> '[]' and jsonb_typeof(f.task -> 'subtasks') = 'array' is true,
        case
            when jsonb_typeof(f.task -> 'subtasks') = 'array' then f.task - 'subtasks'
            else f.task
        end
    from flat as f
$$;

comment on function stepgres._flatten_tasks(jsonb, int) is
'Returns nested tasks in the order of the document, each group before its subtasks.';
