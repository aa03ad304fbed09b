create function stepgres._insert_tasks(
    tasks jsonb, adder text, scope text, added jsonb, added_paths jsonb, prefix text
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_jsonb(array_agg(
            e.task
            || case when e.task -> 'depends_on' ? ('/' || adder)
                then jsonb_build_object('depends_on', (e.task -> 'depends_on') || added_paths)
                else '{}' end
            || case when e.task ? 'subtasks'
                then jsonb_build_object('subtasks', stepgres._insert_tasks(
                    e.task -> 'subtasks', adder, scope, added, added_paths,
                    prefix || (e.task ->> 'id') || '/'
                ))
                else '{}' end
            order by e.place
        ))
        from jsonb_array_elements(_insert_tasks.tasks) with ordinality as e (task, place)
    ) || case when prefix = scope then added else '[]' end;
end
$$;

comment on function stepgres._insert_tasks(jsonb, text, text, jsonb, jsonb, text) is
'Inserts the added tasks into the group whose prefix is scope: part of _join_tasks.

The function goes through all groups. Tasks that depend on the task at adder get added_paths too.';
