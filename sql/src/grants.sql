-- Only the owner grants: without these grants no other role can do anything. The roles are
-- optional: roles that exist before the install get their rights here.
revoke all on all functions in schema stepgres from public;

do $$
declare
    v_role text;
    v_type text;
    v_routines text[];
    v_routine text;
    -- workers may call all functions of clients, and clients all functions that only read
    v_reading text[] := '{version,check_version,get_flow,list_flows,list_workflow_versions,
        get_run_status,get_run,get_payload,list_step_times,list_workflow_runs,get_search_end,
        count_runs,list_workers,
        list_queues,list_channels,why_stuck,
        list_run_events,list_active_runs,step_statistics,recommend,get_task_graph,list_task_graphs,
        list_goal_events,add_subscriber,remove_subscriber,catch_up_events,get_composition_stats,
        listen,catch_up,get_message,message_history,list_signals,list_waits,list_checkpoints,
        list_logs,get_run_tree,critical_path,list_approvals,list_schedules,get_schedule,
        preview_schedule,list_limits,list_limit_keys,list_metrics,list_throughput}';
    v_client text[] := v_reading || '{start_workflow_run,start_workflow_runs,cancel_workflow_run,
        pause_workflow_run,resume_workflow_run,wake_workflow_run,retry_failed_workflow,fork_run,
        cancel_runs,pause_runs,resume_runs,retry_runs,save_task_graph,start_task_graph,
        send_with_notify,notify_only,create_channel,read_messages,acknowledge,send_signal,
        send_signal_by_key,signal_on,drop_signal_on}';
    v_worker text[] := v_client || '{register_worker,unregister_worker,wakeup_name,heartbeat,
        keep_tasks,save_checkpoints,get_run_input,get_max_parallel,list_local_runs,claim_tasks,
        complete_task,fail_task,fail_oversized_tasks,work,get_traceparents,take_ended_traces,
        tick,next_due,register_workflow,create_schedule,get_scheduled_at,create_limit,simulate}';
    -- signal_on and its triggers have the rights of a user, and call these internal functions
    v_internal text[] := '{_own_table,_signal_trigger,_row_signal_body,_send_row_signals}';
    v_observer text[] := v_reading || '{next_due,fsck}';
    -- the roles that plan a task graph or start a run do not decide whether it goes on
    v_approver text[] := v_reading || '{approve_task_graph,reject_task_graph,approve,reject}';
begin
    -- Calls need no right on types. A role with this right could make a table of a type, and the
    -- table would block every change of the type.
    for v_type in
        select t.oid::pg_catalog.regtype::text
        from pg_catalog.pg_type as t
        where t.typnamespace = 'stepgres'::pg_catalog.regnamespace and t.typtype in ('c', 'd')
    loop
        execute pg_catalog.format('revoke all on type %s from public', v_type);
    end loop;
    for v_role in
        select rolname from pg_catalog.pg_roles
        where rolname in (
            'stepgres_client', 'stepgres_worker', 'stepgres_admin', 'stepgres_observer',
            'stepgres_approver'
        )
    loop
        execute pg_catalog.format('grant usage on schema stepgres to %I', v_role);
        v_routines := case v_role
            when 'stepgres_client' then v_client
            when 'stepgres_worker' then v_worker
            when 'stepgres_observer' then v_observer
            when 'stepgres_approver' then v_approver
        end;
        for v_routine in
            select p.oid::pg_catalog.regprocedure::text
            from pg_catalog.pg_proc as p
            where p.pronamespace = 'stepgres'::pg_catalog.regnamespace
                and case
                    when p.proname !~ '^_' then v_routines is null or p.proname = any (v_routines)
                    else p.proname = any (v_internal)
                        and (v_routines is null or 'signal_on' = any (v_routines))
                end
        loop
            execute pg_catalog.format('grant execute on function %s to %I', v_routine, v_role);
        end loop;
        if v_role in ('stepgres_admin', 'stepgres_observer') then
            execute pg_catalog.format(
                'grant select on all tables in schema stepgres to %I', v_role
            );
            execute pg_catalog.format('revoke all on stepgres.secrets from %I', v_role);
        end if;
    end loop;
end
$$;
