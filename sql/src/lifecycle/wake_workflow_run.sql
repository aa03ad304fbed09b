create function stepgres.wake_workflow_run(run_id uuid) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._lock_run(wake_workflow_run.run_id);
    v_now timestamptz := stepgres._now();
    v_tasks int;
    v_sleeps int;
    v_starts int;
begin
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.paused_at is not null then
        raise exception 'run % is paused', v_run.run_id
            using errcode = 'SG008',
                hint = 'Its timers stand still: call resume_workflow_run first.';
    end if;
    -- is true: so the index of timers by due_at serves none of these
    update stepgres.timers as t set due_at = v_now
    where t.run_id = v_run.run_id and t.kind = 'task' and (t.due_at > v_now) is true;
    get diagnostics v_tasks = row_count;
    -- offset 0: the waits of the run, and not the sleeps of all runs
    update stepgres.waits as w set due_at = v_now
    from (
        select o.wait_id, o.kind from stepgres.waits as o
        where o.run_id = v_run.run_id and o.resolved_at is null offset 0
    ) as s
    where w.wait_id = s.wait_id and s.kind = 'sleep' and (w.due_at > v_now) is true;
    get diagnostics v_sleeps = row_count;
    -- A run that is held waits for the end of another run, and not for a time.
    perform stepgres._set_start(array[v_run.run_id], interval '0')
    from stepgres.timers as t
    where t.run_id = v_run.run_id and t.kind = 'run_start' and (t.due_at > v_now) is true
        and not exists (
            select from stepgres.unique_runs as u
            where u.workflow_slug = v_run.workflow_slug and u.unique_key = v_run.unique_key
                and u.is_waiting and u.is_held and u.run_id = v_run.run_id
        );
    get diagnostics v_starts = row_count;
    if v_tasks + v_sleeps + v_starts > 0 then
        insert into stepgres.wakes (run_id, woken_at) values (v_run.run_id, v_now)
        on conflict do nothing;
        perform stepgres._send_run_events('workflow_woken', array[v_run.run_id]);
        perform stepgres._notify_workers();
    end if;
    return v_tasks + v_sleeps + v_starts;
end
$$;

comment on function stepgres.wake_workflow_run(uuid) is
'Makes all that a run sleeps for due now, and returns how many timers and sleeps it has made due.

These are the delay or debounce of its start, the start_delay and start_at of steps, the time until
the next attempt of a task, and sleeps of durable steps. The next tick lets the run go on; workers
are notified, and call tick. Signals, approvals, child runs and limits are waited for as before, and
timeouts stay. The deadline of a delayed run counts from now. A child run that sleeps is woken by
its own run_id.

Errors: SG005 unknown run, SG008 the run is paused, SG011 the run has ended.';
