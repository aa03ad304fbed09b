create function stepgres.pause_workflow_run(run_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._lock_run(pause_workflow_run.run_id);
    v_now timestamptz;
begin
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.paused_at is not null then
        return;
    end if;
    -- Waits for claims under way, which hold their tasks. The clock is read after that: whatever was
    -- claimed was claimed before.
    perform stepgres._withdraw_tasks(array[(v_run.run_id, null)::stepgres._step_key], 'queued');
    v_now := stepgres._now();
    update stepgres.runs as r set paused_at = v_now where r.run_id = v_run.run_id;
    insert into stepgres.pauses (run_id, paused_at) values (v_run.run_id, v_now)
    on conflict on constraint pauses_pkey do update set resumed_at = null;
    -- in seconds: a difference in days would be another one where the clocks are changed meanwhile
    update stepgres.timers as t
    set remaining = make_interval(secs => extract(epoch from t.due_at - v_now)::float8), due_at = 'infinity'
    where t.run_id = v_run.run_id;
    perform stepgres._send_run_events('workflow_paused', array[v_run.run_id]);
end
$$;

comment on function stepgres.pause_workflow_run(uuid) is
'Pauses a run: none of its tasks is claimed, no step starts, its timers stand still. Tasks under way finish and count.

Pausing a paused run changes nothing. Child runs go on.

Errors: SG005 unknown run, SG011 the run has ended.';
