create function stepgres._join_tasks(tasks jsonb, step_slug text, added jsonb) returns jsonb
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
            null, 'the tasks must be a JSON array, not ' || jsonb_typeof(added),
            'Add [{"id": "fix", "description": "Fix it"}].'
        );
    end if;
    select t.* into v_adder from stepgres._flatten_tasks(_join_tasks.tasks, 100) as t
    where t.task ->> 'step_slug' = _join_tasks.step_slug;
    select
        to_jsonb(array_agg(
            case
                when jsonb_typeof(e.task) = 'object'
                    and coalesce(e.task -> 'depends_on', 'null') in ('null', '[]')
                    then e.task || jsonb_build_object('depends_on', array['/' || v_adder.path])
                else e.task
            end
            order by e.place
        )),
        to_jsonb(array_agg('/' || v_adder.scopes[1] || (e.task ->> 'id') order by e.place))
    into v_added, v_paths
    from jsonb_array_elements(_join_tasks.added) with ordinality as e (task, place);
    return stepgres._insert_tasks(
        _join_tasks.tasks, v_adder.path, v_adder.scopes[1], v_added, v_paths, ''
    );
end
$$;

comment on function stepgres._join_tasks(jsonb, text, jsonb) is
'Returns resolved tasks with the added tasks beside the task of a step.

Tasks that depend on the task of the step also depend on the added tasks. Added tasks that depend on
nothing depend on the task of the step.';
