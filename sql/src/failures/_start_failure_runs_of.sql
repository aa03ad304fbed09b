create function stepgres._start_failure_runs_of(workflow_slug text, failed_run_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run stepgres.runs;
    v_run_ids uuid[] := stepgres._new_run_ids(cardinality(failed_run_ids));
    v_error text;
begin
    begin
        -- tick does not wait for a delete_flow under way
        perform 1 from stepgres.workflows as f
        join stepgres.workflow_versions as w
            on w.workflow_slug = f.workflow_slug and w.version = f.current_version
        where f.workflow_slug = _start_failure_runs_of.workflow_slug
        for key share of w skip locked;
        if not found and exists (
            select from stepgres.workflows as f
            where f.workflow_slug = _start_failure_runs_of.workflow_slug
        ) then
            raise exception 'workflow "%" is being deleted', _start_failure_runs_of.workflow_slug
                using errcode = 'SG002', hint = 'tick tries again.';
        end if;
        v_run := stepgres._new_run(
            _start_failure_runs_of.workflow_slug, null, null, null, null, null, null, null
        );
        -- a failure of the run that handles a failure starts nothing
        v_run.on_failure := null;
        perform stepgres._start_runs(
            v_run_ids, stepgres._facts_of_failures(_start_failure_runs_of.failed_run_ids), v_run,
            -- A rejection would be told to nobody: with a delay, the run stands in the line.
            case when v_run.is_limited then interval '0' end,
            failure_of => _start_failure_runs_of.failed_run_ids,
            traceparents => array(
                select r.traceparent
                from unnest(_start_failure_runs_of.failed_run_ids) with ordinality as n (id, place)
                left join stepgres.runs as r on r.run_id = n.id
                order by n.place
            )
        );
        update stepgres.failure_runs as f set run_id = n.run_id, due_at = null, error = null
        from unnest(_start_failure_runs_of.failed_run_ids, v_run_ids) as n (failed_run_id, run_id)
        where f.failed_run_id = n.failed_run_id;
        return;
    exception when others then
        if stepgres._is_passing(sqlstate) then
            raise;
        end if;
        v_error := stepgres._shorten(sqlerrm);
    end;
    raise warning 'workflow "%" cannot be started for % failed runs: %',
        _start_failure_runs_of.workflow_slug, cardinality(failed_run_ids), v_error
        using hint = 'It is on_failure of their workflows. tick tries again, each time after twice '
            'the time, at most after an hour.';
    update stepgres.failure_runs as f
    set error = v_error, due_at = v_now + least(
        greatest(v_now - r.finished_at, interval '1 minute'), interval '1 hour'
    )
    from stepgres.runs as r
    where f.failed_run_id = any (_start_failure_runs_of.failed_run_ids)
        and r.run_id = f.failed_run_id;
end
$$;

comment on function stepgres._start_failure_runs_of(text, uuid[]) is
'Starts a workflow for failed runs whose rows in failure_runs are locked, or notes why it cannot.';
