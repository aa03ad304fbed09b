create function stepgres._normal_tasks(tasks jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_jsonb(array_agg(
            jsonb_strip_nulls(e.task - '{subtasks,decompose}'::text[])
            || jsonb_build_object(
                'description', coalesce(e.task ->> 'description', e.task ->> 'id'),
                'depends_on', coalesce(nullif(e.task -> 'depends_on', 'null'), '[]')
            )
            || case
                when coalesce(e.task -> 'subtasks', 'null') in ('null', '[]') then '{}'
                else jsonb_build_object('subtasks', stepgres._normal_tasks(e.task -> 'subtasks'))
            end
            order by e.place
        ))
        from jsonb_array_elements(_normal_tasks.tasks) with ordinality as e (task, place)
    );
end
$$;

comment on function stepgres._normal_tasks(jsonb) is
'Returns checked tasks with the defaults that they left out, and without fields that say nothing.';
