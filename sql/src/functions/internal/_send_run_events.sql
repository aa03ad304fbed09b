create function stepgres._send_run_events(event_type text, run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if not stepgres._are_events_sent() then
        return;
    end if;
    perform stepgres.send_with_notify('workflow_events', jsonb_strip_nulls(jsonb_build_object(
        'type', _send_run_events.event_type, 'run_id', r.run_id, 'workflow_slug', r.workflow_slug,
        'step_slug', r.failed_step, 'error', r.error
    )))
    from unnest(_send_run_events.run_ids) as i (run_id)
    join stepgres.runs as r on r.run_id = i.run_id
    join stepgres.workflow_versions as v
        on (v.workflow_slug, v.version) = (r.workflow_slug, r.version) and v.events <> 'none';
end
$$;

comment on function stepgres._send_run_events(text, uuid[]) is
'Sends what has happened to runs to the channel workflow_events, where their workflow wants that.';
