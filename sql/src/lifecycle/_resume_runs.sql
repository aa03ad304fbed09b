create function stepgres._resume_runs(run_ids uuid[]) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := array(
        select r.run_id from stepgres.runs as r
        where r.run_id = any (_resume_runs.run_ids) and r.paused_at is not null
        order by r.run_id
    );
    v_now timestamptz := stepgres._now();
begin
    update stepgres.pauses as p set resumed_at = v_now
    from stepgres.runs as r
    where r.run_id = any (v_run_ids) and p.run_id = r.run_id and p.paused_at = r.paused_at;
    update stepgres.runs as r set paused_at = null where r.run_id = any (v_run_ids);
    update stepgres.timers as t set due_at = v_now + t.remaining, remaining = null
    where t.run_id = any (v_run_ids);
    perform stepgres._send_run_events('workflow_resumed', v_run_ids);
    update stepgres.line_entries as e set is_paused = false
    where e.run_id = any (v_run_ids) and e.is_paused;
    perform stepgres._go_on(v_run_ids);
    -- A signal that came meanwhile goes to a wait that was open before, if there is one.
    perform stepgres._resume_waits(v_run_ids, v_now);
    perform stepgres._start_ready_steps(v_run_ids);
    return v_run_ids;
end
$$;

comment on function stepgres._resume_runs(uuid[]) is
'Resumes the runs that are paused, and returns them; the caller has locked all runs.';
