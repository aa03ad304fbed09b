create function stepgres.get_run_status(run_id uuid) returns stepgres.run_status
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(get_run_status.run_id);
    v_status stepgres.run_status;
    v_total int;
    v_completed int;
begin
    v_status.status := case v_run.status when 'started' then 'in_progress' else v_run.status end;
    v_status.failed_step := v_run.failed_step;
    if v_run.status = 'completed' then
        v_status.details := v_run.output;
    elsif v_run.status = 'failed' then
        v_status.details := to_jsonb(v_run.error);
        select a.error_type, a.traceback into v_status.error_type, v_status.traceback
        from stepgres._fatal_attempt(v_run) as a;
    else
        select count(*)::int, count(t.finished_at)::int into v_total, v_completed
        from stepgres.step_states as t
        where t.run_id = v_run.run_id;
        v_status.details := jsonb_build_object(
            'total_steps', v_total,
            'completed_steps', v_completed,
            'percentage', round(100.0 * v_completed / v_total, 1),
            'paused', v_run.paused_at is not null
        );
    end if;
    return v_status;
end
$$;

comment on function stepgres.get_run_status(uuid) is
'Returns the status of a run: completed, failed or in_progress, with details.

The details of a completed run are its output. The details of a failed run are its error, beside
failed_step, error_type and traceback. The details of a run in progress are
{"total_steps": 5, "completed_steps": 2, "percentage": 40.0, "paused": false}; skipped steps count
as completed.

Errors: SG005 unknown run.';
