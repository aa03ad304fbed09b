create function stepgres.resume_workflow_run(run_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._lock_run(resume_workflow_run.run_id);
    v_now timestamptz := stepgres._now();
begin
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.paused_at is null then
        raise exception 'run % is not paused', v_run.run_id
            using errcode = 'SG012', hint = 'There is nothing to resume: its tasks are claimed as they are.';
    end if;
    update stepgres.runs as r set paused_at = null where r.run_id = v_run.run_id;
    update stepgres.pauses as p set resumed_at = v_now
    where p.run_id = v_run.run_id and p.paused_at = v_run.paused_at;
    update stepgres.timers as t set due_at = v_now + t.remaining, remaining = null
    where t.run_id = v_run.run_id;
    perform stepgres._send_run_events('workflow_resumed', array[v_run.run_id]);
    perform stepgres._requeue_tasks(array(
        select (t.run_id, t.step_slug, t.task_index)::stepgres._task_key
        from stepgres.tasks as t where t.run_id = v_run.run_id and t.status = 'queued'
    ));
    perform stepgres._refill_maps(array(
        select (t.run_id, t.step_slug)::stepgres._step_key
        from stepgres.step_states as t where t.run_id = v_run.run_id and t.map and t.status = 'started'
    ));
    perform stepgres._start_ready_steps(array[v_run.run_id]);
end
$$;

comment on function stepgres.resume_workflow_run(uuid) is
'Resumes a paused run: its queued tasks are dispatched, ready steps start, timers go on with what was left of them.

Errors: SG005 unknown run, SG011 the run has ended, SG012 the run is not paused.';
