create function stepgres._join_goal_tasks(goal_tasks jsonb, step_slug text, added jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_adder stepgres._goal_task;
    v_added jsonb;
    v_paths jsonb;
begin
    if jsonb_typeof(added) <> 'array' then
        perform stepgres._decomposition_error(
            null, 'the goal tasks must be a JSON array, not ' || jsonb_typeof(added),
            'Add [{"id": "fix", "description": "Fix it"}].'
        );
    end if;
    select t.* into v_adder from stepgres._flatten_goal_tasks(_join_goal_tasks.goal_tasks, 100) as t
    where t.document ->> 'step_slug' = _join_goal_tasks.step_slug;
    select
        to_jsonb(array_agg(
            case
                when jsonb_typeof(e.goal_task) = 'object'
                    and coalesce(e.goal_task -> 'depends_on', 'null') in ('null', '[]')
                    then e.goal_task || jsonb_build_object('depends_on', array['/' || v_adder.path])
                else e.goal_task
            end
            order by e.place
        )),
        to_jsonb(array_agg('/' || v_adder.scopes[1] || (e.goal_task ->> 'id') order by e.place))
    into v_added, v_paths
    from jsonb_array_elements(_join_goal_tasks.added) with ordinality as e (goal_task, place);
    return stepgres._insert_goal_tasks(
        _join_goal_tasks.goal_tasks, v_adder.path, v_adder.scopes[1], v_added, v_paths, ''
    );
end
$$;

comment on function stepgres._join_goal_tasks(jsonb, text, jsonb) is
'Returns resolved goal tasks with the added goal tasks beside the goal task of a step.

Goal tasks that depend on the goal task of the step also depend on the added goal tasks. Added goal
tasks that depend on nothing depend on the goal task of the step.';
