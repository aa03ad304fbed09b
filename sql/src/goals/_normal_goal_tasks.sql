create function stepgres._normal_goal_tasks(goal_tasks jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_jsonb(array_agg(
            jsonb_strip_nulls(e.goal_task - '{subtasks,decompose}'::text[])
            || jsonb_build_object(
                'description', coalesce(e.goal_task ->> 'description', e.goal_task ->> 'id'),
                'depends_on', coalesce(nullif(e.goal_task -> 'depends_on', 'null'), '[]')
            )
            || case
                when coalesce(e.goal_task -> 'subtasks', 'null') in ('null', '[]') then '{}'
                else jsonb_build_object(
                    'subtasks', stepgres._normal_goal_tasks(e.goal_task -> 'subtasks')
                )
            end
            order by e.place
        ))
        from jsonb_array_elements(_normal_goal_tasks.goal_tasks)
            with ordinality as e (goal_task, place)
    );
end
$$;

comment on function stepgres._normal_goal_tasks(jsonb) is
'Returns checked goal tasks with the defaults that they left out, without fields that say nothing.';
