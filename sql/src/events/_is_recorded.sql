create function stepgres._is_recorded(event stepgres.run_event, since pg_snapshot) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- An event that happens to a run more than once is told apart by its time. A task that was
    -- handed back and claimed again has a new start time, but no new event.
    select exists (
        select from stepgres.recent_events as e
        where e.run_id = (_is_recorded.event).run_id
            and e.event_type = (_is_recorded.event).event_type
            and (e.step_slug, e.task_index, e.attempt) is not distinct from (
                (_is_recorded.event).step_slug, (_is_recorded.event).task_index,
                (_is_recorded.event).attempt
            )
            and (
                (
                    e.step_slug is not null and e.event_type not in (
                        'wait_opened', 'wait_resolved', 'task_suspended', 'task_resumed'
                    )
                )
                or e.occurred_at = (_is_recorded.event).occurred_at
            )
            and not pg_visible_in_snapshot(e.xid, _is_recorded.since)
    )
    or (
        (_is_recorded.event).run_id is null and exists (
            select from stepgres.recent_events as e
            where e.run_id is null and e.event_type = (_is_recorded.event).event_type
                and e.task_graph_id = (_is_recorded.event).task_graph_id
                and e.occurred_at = (_is_recorded.event).occurred_at
                and not pg_visible_in_snapshot(e.xid, _is_recorded.since)
        )
    )
$$;

comment on function stepgres._is_recorded(stepgres.run_event, pg_snapshot) is
'Says whether a transaction that is not visible in the snapshot has recorded the event.';
