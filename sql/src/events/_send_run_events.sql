create function stepgres._send_run_events(event_type text, run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_goal_event text := case event_type
        when 'workflow_started' then 'goal_started'
        when 'workflow_completed' then 'goal_completed'
        when 'workflow_failed' then 'goal_failed'
        when 'workflow_cancelled' then 'goal_failed'
    end;
begin
    if not stepgres._are_events_sent() then
        return;
    end if;
    perform stepgres.send_with_notify('workflow_events', m.message)
    from (
        select jsonb_strip_nulls(jsonb_build_object(
            'type', e.event_type, 'run_id', r.run_id, 'workflow_slug', r.workflow_slug,
            'task_graph_id', r.task_graph_id, 'step_slug', r.failed_step, 'error', r.error
        )) as message
        from unnest(_send_run_events.run_ids) with ordinality as i (run_id, place)
        join stepgres.runs as r on r.run_id = i.run_id
        join stepgres.workflow_versions as v
            on (v.workflow_slug, v.version) = (r.workflow_slug, r.version) and v.events <> 'none'
        -- a goal starts after its run and ends before its run, as in the view run_events
        cross join lateral (values
            (1, case when r.status <> 'started' then v_goal_event end),
            (2, _send_run_events.event_type),
            (3, case when r.status = 'started' then v_goal_event end)
        ) as e (place, event_type)
        where e.place = 2 or (e.event_type is not null and r.task_graph_id is not null)
        order by i.place, e.place
    ) as m;
end
$$;

comment on function stepgres._send_run_events(text, uuid[]) is
'Sends an event of runs, and of their goals, to the channel workflow_events.

Only runs of workflows whose events setting is run or task are sent.';
