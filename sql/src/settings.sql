-- PostgreSQL plans the queries of a function once a session, often while the tables are empty: only
-- index lookups in nested loops are right at every size. A setting of a function holds for all
-- functions that it calls, and the first caller makes the plan. So all callers of the same internal
-- functions have the same settings. The time zone is UTC, because a day has 24 hours there: in
-- other time zones `now + delay` follows the change of the clocks.
do $$
declare
    v_routine text;
    v_setting text;
begin
    for v_routine in
        select p.oid::pg_catalog.regprocedure::text
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'stepgres'::pg_catalog.regnamespace and p.proname in (
            'approve', 'backfill_schedule', 'cancel_runs', 'cancel_workflow_run', 'create_schedule',
            'delete_flow', 'delete_schedule', 'fail_oversized_tasks', 'fork_run',
            'get_scheduled_at', 'get_traceparents', 'heartbeat', 'keep_tasks', 'list_approvals',
            'list_checkpoints', 'list_goal_events', 'list_local_runs', 'list_logs', 'list_signals',
            'list_waits', 'pause_runs', 'pause_schedule', 'pause_workflow_run', 'prune',
            'register_worker', 'reject', 'resume_runs', 'resume_schedule', 'resume_workflow_run',
            'trigger_schedule', 'update_schedule',
            'retry_failed_workflow', 'retry_runs', 'save_checkpoints', 'send_signal',
            'send_signal_by_key', '_new_run', '_send_row_signals', '_start_run',
            '_start_unique_run', 'start_workflow_runs', 'take_ended_traces',
            'tick', 'unregister_worker', 'wake_workflow_run', 'work'
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

-- If standard_conforming_strings is off, backslashes in literals have another meaning, also in
-- statements that pgmq builds at run time. So every public function turns it on, for all functions
-- that it calls.
do $$
declare
    v_routine text;
begin
    for v_routine in
        select p.oid::pg_catalog.regprocedure::text
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'stepgres'::pg_catalog.regnamespace and p.proname !~ '^_'
    loop
        execute pg_catalog.format(
            'alter function %s set standard_conforming_strings = on', v_routine
        );
    end loop;
end
$$;
