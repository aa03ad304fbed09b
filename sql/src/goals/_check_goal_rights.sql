create function stepgres._check_goal_rights(options jsonb, path text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_option text;
begin
    select o.key into v_option
    from jsonb_each(options) as o
    where o.key in ('sql_function', 'transactional', 'queue', 'priority', 'resources')
        and o.value <> 'null'
    order by o.key
    limit 1;
    if found and not stepgres._may_call('{register_workflow}') then
        raise exception '%role "%" may not set the option "%"',
            coalesce('goal task "' || path || '": ', ''), stepgres._caller(), v_option
            using errcode = 'SG026',
                hint = 'Leave the option out, or save the task graph as a role that may call '
                    'register_workflow.';
    end if;
end
$$;

comment on function stepgres._check_goal_rights(jsonb, text) is
'Raises SG026 for options that the caller may not set.

The options sql_function, transactional, queue, priority and resources decide what workers execute
and which work they do first. Only callers that may register workflows set them.';
