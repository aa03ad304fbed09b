create function stepgres._check_goal_options(options jsonb, allowed jsonb, path text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_constraint text;
    v_message text;
    v_hint text;
begin
    perform stepgres._check_goal_rights(
        case jsonb_typeof(_check_goal_options.options)
            when 'object' then _check_goal_options.options
        end,
        _check_goal_options.path
    );
    begin
        perform stepgres._check_options(_check_goal_options.options, allowed, 'options');
        -- the domains of the options say which values are allowed
        perform stepgres._step_options(_check_goal_options.options, null),
            (options ->> 'events')::stepgres.events,
            stepgres._seconds(options -> 'deadline')::stepgres.deadline,
            (options ->> 'max_parallel')::numeric::stepgres.max_parallel;
    exception when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform stepgres._definition_error(v_constraint, 'options');
    end;
exception when sqlstate 'SG001' then
    get stacked diagnostics v_message = message_text, v_hint = pg_exception_hint;
    perform stepgres._decomposition_error(_check_goal_options.path, v_message, v_hint);
end
$$;

comment on function stepgres._check_goal_options(jsonb, jsonb, text) is
'Raises SG018 for options of a goal task or graph that register_workflow would refuse.

The function raises SG026 for options that the caller may not set.';
