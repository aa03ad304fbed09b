create function stepgres._resolve_goal_tasks(goal_tasks jsonb, steps jsonb, prefix text default '')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- the steps by path: made once, and passed on to the groups
    v_steps jsonb := case jsonb_typeof(steps) when 'object' then steps else (
        select stepgres._merge_objects(array_agg(jsonb_build_object(s ->> 'path', s)))
        from jsonb_array_elements(_resolve_goal_tasks.steps) as s
    ) end;
begin
    return (
        select to_jsonb(array_agg(
            e.goal_task || jsonb_build_object(
                'step_slug', s.step -> 'step_slug',
                'depends_on', array(
                    select '/' || w from jsonb_array_elements_text(s.step -> 'waits_for') as w
                )
            ) || case when e.goal_task ? 'subtasks' then jsonb_build_object(
                'subtasks', stepgres._resolve_goal_tasks(
                    e.goal_task -> 'subtasks', v_steps, prefix || (e.goal_task ->> 'id') || '/'
                )
            ) else '{}' end
            order by e.place
        ))
        from jsonb_array_elements(_resolve_goal_tasks.goal_tasks)
            with ordinality as e (goal_task, place)
        cross join lateral (select v_steps -> (prefix || (e.goal_task ->> 'id')) as step) as s
    );
end
$$;

comment on function stepgres._resolve_goal_tasks(jsonb, jsonb, text) is
'Returns goal tasks with their step_slug, and with paths from the root in depends_on.

Paths from the root mean the same goal tasks whatever is added later.';
