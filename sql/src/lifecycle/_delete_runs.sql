create function stepgres._delete_runs(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_own_versions stepgres.runs[] := array(
        select r from stepgres.runs as r
        where r.run_id = any (_delete_runs.run_ids) and r.version < 0
    );
begin
    delete from stepgres.signals as s
    where s.run_id = any (_delete_runs.run_ids) and s.wait_id is null;
    delete from stepgres.signals as s
    where s.run_id = any (_delete_runs.run_ids) and s.wait_id is not null;
    delete from stepgres.decisions as d where d.run_id = any (_delete_runs.run_ids);
    delete from stepgres.waits as w where w.run_id = any (_delete_runs.run_ids);
    delete from stepgres.checkpoints as c where c.run_id = any (_delete_runs.run_ids);
    delete from stepgres.task_progress as p where p.run_id = any (_delete_runs.run_ids);
    delete from stepgres.logs as l where l.run_id = any (_delete_runs.run_ids);
    delete from stepgres.suspensions as s where s.run_id = any (_delete_runs.run_ids);
    delete from stepgres.attempts as a where a.run_id = any (_delete_runs.run_ids);
    delete from stepgres.tasks as t where t.run_id = any (_delete_runs.run_ids);
    delete from stepgres.step_states as s where s.run_id = any (_delete_runs.run_ids);
    delete from stepgres.subscribers as s
    where s.run_id = any (_delete_runs.run_ids) and not s.every_change;
    delete from stepgres.pauses as p where p.run_id = any (_delete_runs.run_ids);
    delete from stepgres.wakes as w where w.run_id = any (_delete_runs.run_ids);
    delete from stepgres.failed_runs as f where f.run_id = any (_delete_runs.run_ids);
    with deleted as (
        delete from stepgres.runs as r where r.run_id = any (_delete_runs.run_ids)
        returning r.run_id, r.on_failure, r.traceparent
    ),
    untraced as (
        delete from stepgres.task_traces as t
        using deleted as d
        where d.traceparent is not null and t.run_id = d.run_id
    ),
    untold as (
        delete from stepgres.ended_traces as e
        using deleted as d
        where d.traceparent is not null and e.run_id = d.run_id
    )
    delete from stepgres.failure_runs as f
    using deleted as d
    where d.on_failure is not null and f.failed_run_id = d.run_id;
    perform stepgres._delete_own_version(v.workflow_slug, v.version)
    from unnest(v_own_versions) as v;
end
$$;

comment on function stepgres._delete_runs(uuid[]) is
'Deletes finished runs, which no longer have timers, tickets or open waits.';
