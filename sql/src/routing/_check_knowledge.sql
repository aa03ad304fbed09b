create function stepgres._check_knowledge(knows jsonb, culprit text) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_workflows jsonb := coalesce(nullif(knows -> 'workflows', 'null'), '{}');
    v_goals jsonb := coalesce(nullif(knows -> 'goals', 'null'), 'false');
    v_problem text;
begin
    if nullif(knows, 'null') is null then
        return null;
    end if;
    if jsonb_typeof(knows) <> 'object' then
        v_problem := format('knows must be an object, not %s', jsonb_typeof(knows));
    elsif knows - '{workflows,goals}'::text[] <> '{}' then
        v_problem := format('knows has "workflows" and "goals", not "%s"', (
            select min(k) from jsonb_object_keys(knows - '{workflows,goals}'::text[]) as k
        ));
    elsif jsonb_typeof(v_workflows) <> 'object' then
        v_problem := format(
            '"workflows" of knows must be an object, not %s', jsonb_typeof(v_workflows)
        );
    elsif jsonb_typeof(v_goals) not in ('boolean', 'array') then
        v_problem := format(
            '"goals" of knows must be true or an array of patterns, not %s', jsonb_typeof(v_goals)
        );
    else
        select format('"workflows" of knows has %s for "%s" instead of a version', w.value, w.key)
        into v_problem
        from jsonb_each(v_workflows) as w
        where w.value::text !~ '^-?[0-9]{1,9}$'
        order by w.key
        limit 1;
        if v_problem is null and jsonb_typeof(v_goals) = 'array' then
            begin
                select format('"goals" of knows has %s instead of a pattern', g) into v_problem
                from jsonb_array_elements(v_goals) as g
                where jsonb_typeof(g) <> 'string' or '' ~ stepgres._glob(g #>> '{}') is null
                limit 1;
            exception when invalid_regular_expression then
                v_problem := format(
                    '"goals" of knows has a pattern that cannot be read: %s', sqlerrm
                );
            end;
        end if;
    end if;
    if v_problem is not null then
        raise exception '%: %', culprit, v_problem
            using errcode = 'SG001',
                hint = 'Write {"workflows": {"order": 3}, "goals": ["design/*"]}, with versions as '
                    'register_workflow returns them, or leave knows out for a worker that executes '
                    'everything.';
    end if;
    -- The same patterns in another order are equal.
    return jsonb_build_object('workflows', v_workflows) || coalesce(jsonb_build_object('goals', case
        when jsonb_typeof(v_goals) = 'boolean' then nullif(v_goals, 'false')
        else (select to_jsonb(array_agg(distinct g)) from jsonb_array_elements(v_goals) as g)
    end), '{}');
end
$$;

comment on function stepgres._check_knowledge(jsonb, text) is
'Returns the code that a worker says it knows, in one form; raises SG001 if it is malformed.';
