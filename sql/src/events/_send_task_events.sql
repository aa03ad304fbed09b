create function stepgres._send_task_events(event_type text, tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- If another result, or the end of the run, came first, the task does not have the expected
    -- status.
    perform stepgres.send_with_notify('workflow_events', jsonb_strip_nulls(jsonb_build_object(
        'type', _send_task_events.event_type, 'run_id', r.run_id, 'workflow_slug', r.workflow_slug,
        'step_slug', t.step_slug, 'task_index', t.task_index, 'attempt', t.attempt, 'error', t.error
    )))
    from unnest(_send_task_events.tasks) as k
    join stepgres.runs as r on r.run_id = k.run_id
    join stepgres.workflow_versions as v
        on (v.workflow_slug, v.version) = (r.workflow_slug, r.version) and v.events = 'task'
    join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
    where case _send_task_events.event_type
        when 'task_started' then t.status = 'started'
        when 'task_completed' then t.status = 'completed'
        else true
    end;
end
$$;

comment on function stepgres._send_task_events(text, stepgres._task_key[]) is
'Sends an event of tasks to the channel workflow_events.

Only tasks of workflows whose events setting is task are sent.';
