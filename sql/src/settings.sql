-- Plans are made once a session, often while the tables are empty: only index lookups in nested loops are
-- right at every size. A setting of a function holds for all that it calls, and whoever comes first makes the
-- plan: so all who call the same internal functions carry the same settings.
-- UTC, because a day has 24 hours there: in other time zones `now + delay` follows the change of the clocks.
do $$
declare
    v_routine text;
    v_setting text;
begin
    for v_routine in
        select p.oid::pg_catalog.regprocedure::text
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'stepgres'::pg_catalog.regnamespace and p.proname in (
            'cancel_runs', 'cancel_workflow_run', 'delete_flow', 'fail_oversized_tasks', 'heartbeat', 'keep_tasks',
            'list_goal_events', 'pause_runs', 'pause_workflow_run', 'prune', 'register_worker', 'resume_runs',
            'resume_workflow_run', 'retry_failed_workflow', 'retry_runs', '_new_run', '_start_run', 'start_workflow_runs', 'tick', 'unregister_worker', 'work'
        )
    loop
        foreach v_setting in array array[
            'plan_cache_mode = force_generic_plan', 'enable_seqscan = off', 'enable_hashjoin = off',
            'enable_mergejoin = off', 'cpu_tuple_cost = 1', 'cpu_index_tuple_cost = 1', 'jit = off',
            'timezone = UTC'
        ] loop
            execute pg_catalog.format('alter function %s set %s', v_routine, v_setting);
        end loop;
    end loop;
end
$$;
