create function stepgres._check_goal_tasks(
    goal_tasks stepgres._goal_task[], max_depth int, max_tasks int
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_goal_task record;
    v_types jsonb := '{"id": "string", "description": "string", "depends_on": "array",
        "subtasks": "array", "decompose": "boolean", "options": "object"}'::jsonb;
    v_options jsonb := stepgres._inherited_options() || '{"transactional": "boolean",
        "sql_function": "string", "start_delay": "number", "condition": "string",
        "unless": "string", "durable": "boolean", "approval": "object", "wait_for": "string",
        "match": "string", "key": "string", "when_timeout": "string", "workflow": "string",
        "version": "number",
        "default_output": "object or array or string or number or boolean"}';
    v_key text;
    v_type text;
begin
    -- check the number first: goal tasks beyond max_tasks were not decomposed any more
    perform stepgres._decomposition_error(
        t.path, format('is one too many: max_tasks is %s', max_tasks),
        'Merge some goal tasks, or raise max_tasks.')
    from unnest(_check_goal_tasks.goal_tasks) as t
    where t.place = max_tasks::bigint + 1;
    for v_goal_task in
        select t.*, row_number() over (partition by t.path order by t.place) > 1 as is_duplicate
        from unnest(_check_goal_tasks.goal_tasks) as t
        order by t.place
    loop
        if v_goal_task.depth > max_depth then
            perform stepgres._decomposition_error(
                v_goal_task.path, format('is nested more than %s deep', max_depth),
                'Merge some groups, or raise max_depth.');
        elsif jsonb_typeof(v_goal_task.document) <> 'object' then
            perform stepgres._decomposition_error(
                v_goal_task.path,
                'a goal task is a JSON object, not ' || left(v_goal_task.document::text, 100),
                'A goal task is '
                '{"id": "design", "description": "Design it", "depends_on": ["analyze"]}.');
        end if;
        for v_key, v_type in
            select t.key, t.value from jsonb_each_text(v_types) as t
            where jsonb_typeof(v_goal_task.document -> t.key) <> all (array[t.value, 'null'])
        loop
            perform stepgres._decomposition_error(v_goal_task.path,
                format(
                    '"%s" must be a JSON %s, not %s',
                    v_key, v_type, left(v_goal_task.document ->> v_key, 100)
                ),
                'A goal task is '
                '{"id": "design", "description": "Design it", "depends_on": ["analyze"]}.');
        end loop;
        if stepgres._is_slug(v_goal_task.document ->> 'id') is not true then
            perform stepgres._decomposition_error(v_goal_task.path,
                coalesce(
                    '"' || (v_goal_task.document ->> 'id') || '" cannot be an id', 'it has no id'
                ),
                'An id starts with a letter or underscore, has only letters, digits and '
                'underscores, at most 128, and is not "run".');
        elsif v_goal_task.is_duplicate then
            perform stepgres._decomposition_error(v_goal_task.path, 'this id is already taken',
                'Give each goal task of a group a different id.');
        elsif (v_goal_task.document ->> 'decompose')::boolean and not v_goal_task.is_group then
            perform stepgres._decomposition_error(v_goal_task.path,
                case when v_goal_task.depth >= max_depth
                    then format(
                        'is to be decomposed, and would then be nested more than %s deep', max_depth
                    )
                    else 'is to be decomposed, and has no subtasks'
                end,
                'Give it subtasks, leave "decompose" out, or raise max_depth.');
        elsif v_goal_task.is_group
            and coalesce(v_goal_task.document -> 'options', 'null') not in ('null', '{}')
        then
            perform stepgres._decomposition_error(
                v_goal_task.path, 'a goal task with subtasks has no options',
                'Give the options to the subtasks.');
        end if;
        if coalesce(v_goal_task.document -> 'options', 'null') <> 'null' then
            perform stepgres._check_goal_options(
                v_goal_task.document -> 'options', v_options, v_goal_task.path
            );
        end if;
    end loop;
end
$$;

comment on function stepgres._check_goal_tasks(stepgres._goal_task[], int, int) is
'Raises SG018 for the first goal task that breaks a rule; does not check what depends on what.';
