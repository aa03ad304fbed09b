create function stepgres._pause_runs(run_ids uuid[], is_inherited boolean default false)
returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := array(
        select r.run_id from stepgres.runs as r
        where r.run_id = any (_pause_runs.run_ids) and r.status = 'started' and r.paused_at is null
        order by r.run_id
    );
    v_now timestamptz;
begin
    -- These wait for claims under way, which hold their tasks and entries. Read the clock
    -- afterwards: then every claim is before the pause.
    perform stepgres._withdraw_tasks(
        array(select (i, null)::stepgres._step_key from unnest(v_run_ids) as i), 'queued'
    );
    perform stepgres._let_next_look(array(
        select distinct e.line_id from stepgres.line_entries as e
        where e.run_id = any (v_run_ids) and e.line_id > 0
    ));
    update stepgres.line_entries as e set is_paused = true, line_id = null
    where e.run_id = any (v_run_ids);
    v_now := stepgres._now();
    update stepgres.runs as r set paused_at = v_now where r.run_id = any (v_run_ids);
    insert into stepgres.pauses (run_id, paused_at, is_inherited)
    select i, v_now, _pause_runs.is_inherited from unnest(v_run_ids) as i
    on conflict on constraint pauses_pkey
    do update set resumed_at = null, is_inherited = excluded.is_inherited;
    update stepgres.timers as t
    set remaining = stepgres._time_left(t.due_at, v_now), due_at = 'infinity'
    where t.run_id = any (v_run_ids);
    perform stepgres._pause_waits(v_run_ids, v_now);
    perform stepgres._send_run_events('workflow_paused', v_run_ids);
    return v_run_ids;
end
$$;

comment on function stepgres._pause_runs(uuid[], boolean) is
'Pauses the runs that are active and not paused, and returns them; the caller has locked all runs.';
