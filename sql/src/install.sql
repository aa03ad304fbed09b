-- The manifest: the files of an install, in order. `psql -1 -f sql/src/install.sql` runs them as
-- they are. Inside a block the order is alphabetical: only a test checks the bodies of functions.

\ir trust.sql
\ir guard.sql

\ir structure/schema.sql
\ir structure/types.sql
\ir definition/_is_slug.sql
\ir structure/options.sql
\ir structure/definitions.sql
\ir structure/runs.sql
\ir structure/step_states.sql
\ir structure/tasks.sql
\ir structure/waits.sql
\ir structure/signals.sql
\ir structure/checkpoints.sql
\ir structure/workers.sql
\ir structure/events.sql
\ir structure/task_graphs.sql
\ir structure/task_graph_changes.sql
\ir structure/channels.sql
\ir structure/locks.sql

-- definition: workflows, their versions and steps
\ir definition/_active_runs_of.sql
\ir definition/_check_options.sql
\ir definition/_copy_version.sql
\ir definition/_create_version.sql
\ir definition/_definition_error.sql
\ir definition/_delete_own_version.sql
\ir definition/_dependencies_of.sql
\ir definition/_document.sql
\ir definition/_find_version.sql
\ir definition/_fingerprint.sql
\ir definition/_guard_order.sql
\ir definition/_guard_runs.sql
\ir definition/_guard_used_version.sql
\ir definition/_in_seconds.sql
\ir definition/_inherited_options.sql
\ir definition/_insert_step.sql
\ir definition/_insert_steps.sql
\ir definition/_is_of_goal.sql
\ir definition/_json_path.sql
\ir definition/_likeness.sql
\ir definition/_order_steps.sql
\ir definition/_read_steps.sql
\ir definition/_refuse_definition_change.sql
\ir definition/_seconds.sql
\ir definition/_shown_step.sql
\ir definition/_slug_of.sql
\ir definition/_sorted_steps.sql
\ir definition/_step_options.sql
\ir definition/_store_steps.sql
\ir definition/_use_version.sql
\ir definition/_wait_for_deletion.sql
\ir definition/_workflow_options.sql
\ir definition/add_step.sql
\ir definition/create_flow.sql
\ir definition/delete_flow.sql
\ir definition/get_flow.sql
\ir definition/list_flows.sql
\ir definition/list_workflow_versions.sql
\ir definition/register_sql_function.sql
\ir definition/register_workflow.sql

-- rights: the calling role, and the functions that it may call
\ir rights/_caller.sql
\ir rights/_may_call.sql

-- start: a run starts, and its input is delivered
\ir start/_check_inputs.sql
\ir start/_check_labels.sql
\ir start/_check_start.sql
\ir start/_new_run.sql
\ir start/_new_run_ids.sql
\ir start/_start_run.sql
\ir start/_start_runs.sql
\ir start/get_max_parallel.sql
\ir start/get_run_input.sql
\ir start/start_workflow_run.sql
\ir start/start_workflow_runs.sql

-- scheduling: a step becomes ready, starts and ends
\ir scheduling/_merge_objects.sql
\ir scheduling/_advance.sql
\ir scheduling/_complete_maps.sql
\ir scheduling/_complete_runs.sql
\ir scheduling/_count_ends.sql
\ir scheduling/_delay_tasks.sql
\ir scheduling/_ends_of.sql
\ir scheduling/_expand_map.sql
\ir scheduling/_fail_runs.sql
\ir scheduling/_fail_steps.sql
\ir scheduling/_gathered_output.sql
\ir scheduling/_hand_over.sql
\ir scheduling/_is_end.sql
\ir scheduling/_is_met.sql
\ir scheduling/_judge.sql
\ir scheduling/_lock_run.sql
\ir scheduling/_lock_runs.sql
\ir scheduling/_map_source.sql
\ir scheduling/_path_cost.sql
\ir scheduling/_queue_tasks.sql
\ir scheduling/_refill_maps.sql
\ir scheduling/_requeue_tasks.sql
\ir scheduling/_skip_steps.sql
\ir scheduling/_start_ready_steps.sql
\ir scheduling/_start_steps.sql
\ir scheduling/_step_inputs.sql
\ir scheduling/_try_lock_runs.sql
\ir scheduling/_withdraw_tasks.sql

-- work: tasks are claimed, and their results applied
\ir work/_apply_batch.sql
\ir work/_apply_result.sql
\ir work/_apply_results.sql
\ir work/_backoff.sql
\ir work/_check_results.sql
\ir work/_claim.sql
\ir work/_exhaust_tasks.sql
\ir work/_fail_tasks.sql
\ir work/_hand_out.sql
\ir work/_lock_local_tasks.sql
\ir work/_pop_tasks.sql
\ir work/_record_results.sql
\ir work/_refuse_results.sql
\ir work/_refused_item.sql
\ir work/_release_tasks.sql
\ir work/_send_result.sql
\ir work/_shorten.sql
\ir work/_tickets_to_tasks.sql
\ir work/claim_tasks.sql
\ir work/complete_task.sql
\ir work/fail_oversized_tasks.sql
\ir work/fail_task.sql
\ir work/work.sql

-- durable: the bodies of durable steps keep checkpoints, and let go while they wait
\ir durable/_checkpoints_of.sql
\ir durable/_close_waits_of.sql
\ir durable/_copy_checkpoints.sql
\ir durable/_feature_resources.sql
\ir durable/_forget_checkpoints.sql
\ir durable/_has_feature.sql
\ir durable/_list_checkpoints.sql
\ir durable/_open_waits_of_tasks.sql
\ir durable/_read_operations.sql
\ir durable/_restart_tasks.sql
\ir durable/_resume_tasks.sql
\ir durable/_store_operations.sql
\ir durable/_suspend_tasks.sql
\ir durable/_wake_tasks.sql
\ir durable/_without_features.sql
\ir durable/list_checkpoints.sql
\ir durable/save_checkpoints.sql

-- queues: pgmq queues are made, filled, closed and dropped
\ir queues/_closable_queues.sql
\ir queues/_close_queue.sql
\ir queues/_close_queues.sql
\ir queues/_drop_queue.sql
\ir queues/_ensure_queue.sql
\ir queues/_most_urgent_ticket.sql
\ir queues/_open_queue.sql
\ir queues/_queues_of.sql
\ir queues/_retire_queues.sql
\ir queues/_return_tickets.sql
\ir queues/_send_tickets.sql
\ir queues/_tend_queues.sql
\ir queues/_unneeded_queues.sql

-- routing: which worker knows which task
\ir routing/_check_knowledge.sql
\ir routing/_glob.sql
\ir routing/_into_lanes.sql
\ir routing/_known_version.sql
\ir routing/_knows_step.sql
\ir routing/_lane_for.sql
\ir routing/_lanes_of.sql
\ir routing/_matches_goal.sql
\ir routing/_pass_on.sql
\ir routing/_reads_lane.sql

-- workers: registration, heartbeats, and taking tasks back from lost workers
\ir workers/_find_lost_workers.sql
\ir workers/_hold_worker.sql
\ir workers/_holds_worker.sql
\ir workers/_lock_runs_of_workers.sql
\ir workers/_take_back.sql
\ir workers/_take_back_lost.sql
\ir workers/_take_over.sql
\ir workers/_worker.sql
\ir workers/heartbeat.sql
\ir workers/keep_tasks.sql
\ir workers/list_queues.sql
\ir workers/list_workers.sql
\ir workers/register_worker.sql
\ir workers/unregister_worker.sql
\ir workers/wakeup_name.sql

-- time: timers, leases, lost tickets
\ir time/_ago.sql
\ir time/_find_lost_tickets.sql
\ir time/_find_overdue_tasks.sql
\ir time/_fire_timers.sql
\ir time/_fire_timers_of.sql
\ir time/_mend_runs.sql
\ir time/_move_runs.sql
\ir time/_now.sql
\ir time/_replace_tickets.sql
\ir time/_sweep_runs.sql
\ir time/_time_out_tasks.sql
\ir time/next_due.sql
\ir time/tick.sql

-- lifecycle: cancel, pause, retry, prune
\ir lifecycle/_cancel_runs.sql
\ir lifecycle/_copy_finished_steps.sql
\ir lifecycle/_copy_unfinished_maps.sql
\ir lifecycle/_delete_runs.sql
\ir lifecycle/_is_changeable.sql
\ir lifecycle/_list_family.sql
\ir lifecycle/_lock_family.sql
\ir lifecycle/_next_batch.sql
\ir lifecycle/_pause_runs.sql
\ir lifecycle/_resume_runs.sql
\ir lifecycle/_retry_runs.sql
\ir lifecycle/_run_is_finished.sql
\ir lifecycle/cancel_runs.sql
\ir lifecycle/cancel_workflow_run.sql
\ir lifecycle/pause_runs.sql
\ir lifecycle/pause_workflow_run.sql
\ir lifecycle/prune.sql
\ir lifecycle/resume_runs.sql
\ir lifecycle/resume_workflow_run.sql
\ir lifecycle/retry_failed_workflow.sql
\ir lifecycle/retry_runs.sql

-- inspection: status, lists, why a run is stuck
\ir inspection/_all_tags.sql
\ir inspection/_check_filter.sql
\ir inspection/_fatal_attempt.sql
\ir inspection/_count_messages.sql
\ir inspection/_find_run.sql
\ir inspection/_list_attempts.sql
\ir inspection/_run_not_found.sql
\ir inspection/_steps_waiting.sql
\ir inspection/_tasks_waiting.sql
\ir inspection/count_runs.sql
\ir inspection/get_run.sql
\ir inspection/get_run_status.sql
\ir inspection/list_active_runs.sql
\ir inspection/list_workflow_runs.sql
\ir inspection/why_stuck.sql

-- events: changes of runs and goals, and their subscribers
\ir events/_are_events_sent.sql
\ir events/_attempt_handed_back.sql
\ir events/_check_subject.sql
\ir events/_events_after.sql
\ir events/_events_before.sql
\ir events/_first_event_position.sql
\ir events/_follow.sql
\ir events/_forget_events.sql
\ir events/_hint_name.sql
\ir events/_includes.sql
\ir events/_is_recorded.sql
\ir events/_microseconds.sql
\ir events/_parse_event_position.sql
\ir events/_record_event.sql
\ir events/_record_failure.sql
\ir events/_record_goal_change.sql
\ir events/_record_goal_event.sql
\ir events/_record_pause.sql
\ir events/_record_run_end.sql
\ir events/_record_run_start.sql
\ir events/_record_step_events.sql
\ir events/_record_task_events.sql
\ir events/_send_run_events.sql
\ir events/_send_task_events.sql
\ir events/add_subscriber.sql
\ir events/catch_up_events.sql
\ir events/list_goal_events.sql
\ir events/list_run_events.sql
\ir events/remove_subscriber.sql
\ir events/run_events.sql

-- messages: channels
\ir messages/_check_channel.sql
\ir messages/_check_limit.sql
\ir messages/_find_channel.sql
\ir messages/_first_position.sql
\ir messages/_make_channel.sql
\ir messages/_message_ids.sql
\ir messages/_message_number.sql
\ir messages/_messages_name.sql
\ir messages/_need_fresh_snapshots.sql
\ir messages/_parse_position.sql
\ir messages/_payloads_name.sql
\ir messages/_position_after.sql
\ir messages/_position_text.sql
\ir messages/_read_history.sql
\ir messages/_readable_channel.sql
\ir messages/_remaining_gaps.sql
\ir messages/_senders.sql
\ir messages/_to_multirange.sql
\ir messages/acknowledge.sql
\ir messages/catch_up.sql
\ir messages/create_channel.sql
\ir messages/delete_channel.sql
\ir messages/get_message.sql
\ir messages/grant_channel.sql
\ir messages/list_channels.sql
\ir messages/listen.sql
\ir messages/message_history.sql
\ir messages/notify_only.sql
\ir messages/prune_messages.sql
\ir messages/read_messages.sql
\ir messages/revoke_channel.sql
\ir messages/send_with_notify.sql

-- goals: task graphs
\ir goals/_add_goal_tasks.sql
\ir goals/_check_goal_options.sql
\ir goals/_check_goal_rights.sql
\ir goals/_check_goal_task_order.sql
\ir goals/_check_goal_tasks.sql
\ir goals/_decomposition_error.sql
\ir goals/_find_dependencies.sql
\ir goals/_find_task_graph.sql
\ir goals/_flatten_goal_tasks.sql
\ir goals/_goal_task_slug.sql
\ir goals/_guard_foreign_workflow.sql
\ir goals/_insert_goal_tasks.sql
\ir goals/_join_goal_tasks.sql
\ir goals/_move_run.sql
\ir goals/_normal_goal_tasks.sql
\ir goals/_plan_goal_tasks.sql
\ir goals/_plan_steps.sql
\ir goals/_resolve_goal_tasks.sql
\ir goals/_shown_graph.sql
\ir goals/_steps_only.sql
\ir goals/_task_graph_not_found.sql
\ir goals/approve_task_graph.sql
\ir goals/delete_task_graph.sql
\ir goals/get_composition_stats.sql
\ir goals/get_task_graph.sql
\ir goals/list_task_graphs.sql
\ir goals/reject_task_graph.sql
\ir goals/save_task_graph.sql
\ir goals/start_task_graph.sql

-- optimization: advice from recorded runs
\ir optimization/_advise.sql
\ir optimization/_advise_attempts.sql
\ir optimization/_advise_max_parallel.sql
\ir optimization/_advise_priorities.sql
\ir optimization/_advise_sticky.sql
\ir optimization/_advise_timeouts.sql
\ir optimization/_apply_optimizations.sql
\ir optimization/_duration_text.sql
\ir optimization/_option_values.sql
\ir optimization/_recent_runs.sql
\ir optimization/_round_up.sql
\ir optimization/_times_left.sql
\ir optimization/optimize_workflow.sql
\ir optimization/recommend.sql
\ir optimization/step_statistics.sql

-- checks: invariants
\ir checks/_fault_of_run.sql
\ir checks/_fault_of_step.sql
\ir checks/_fault_of_task.sql
\ir checks/_find_faults.sql
\ir checks/_find_miscounts.sql
\ir checks/_find_stray_tickets.sql
\ir checks/_find_wrong_queues.sql
\ir checks/_find_wrong_statuses.sql
\ir checks/_find_wrong_tasks.sql
\ir checks/check_version.sql
\ir checks/fsck.sql
\ir checks/version.sql

-- triggers
\ir triggers/attempts_record_failure.sql
\ir triggers/dependencies_guard_order.sql
\ir triggers/dependencies_guard_update.sql
\ir triggers/dependencies_guard_used_version.sql
\ir triggers/pauses_record.sql
\ir triggers/runs_record_end.sql
\ir triggers/runs_record_late_start.sql
\ir triggers/runs_record_start.sql
\ir triggers/step_states_record_events.sql
\ir triggers/steps_guard_used_version.sql
\ir triggers/steps_keep_their_place.sql
\ir triggers/task_graph_changes_record.sql
\ir triggers/tasks_record_events.sql
\ir triggers/workflow_versions_guard_delete.sql
\ir triggers/workflow_versions_guard_update.sql
\ir triggers/workflows_guard_runs.sql

\ir settings.sql
\ir grants.sql
