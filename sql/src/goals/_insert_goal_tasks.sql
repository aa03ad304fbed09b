create function stepgres._insert_goal_tasks(
    goal_tasks jsonb, adder text, scope text, added jsonb, added_paths jsonb, prefix text
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_jsonb(array_agg(
            e.goal_task
            || case when e.goal_task -> 'depends_on' ? ('/' || adder)
                then jsonb_build_object('depends_on', (e.goal_task -> 'depends_on') || added_paths)
                else '{}' end
            || case when e.goal_task ? 'subtasks'
                then jsonb_build_object('subtasks', stepgres._insert_goal_tasks(
                    e.goal_task -> 'subtasks', adder, scope, added, added_paths,
                    prefix || (e.goal_task ->> 'id') || '/'
                ))
                else '{}' end
            order by e.place
        ))
        from jsonb_array_elements(_insert_goal_tasks.goal_tasks)
            with ordinality as e (goal_task, place)
    ) || case when prefix = scope then added else '[]' end;
end
$$;

comment on function stepgres._insert_goal_tasks(jsonb, text, text, jsonb, jsonb, text) is
'Inserts the added goal tasks into the group whose prefix is scope: part of _join_goal_tasks.

The function goes through all groups. Goal tasks that depend on the goal task at adder get
added_paths too.';
