create function stepgres.resume_workflow_run(run_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    perform stepgres._lock_family(array[resume_workflow_run.run_id], are_awaited => true);
    v_run := stepgres._find_run(resume_workflow_run.run_id);
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif v_run.paused_at is null then
        raise exception 'run % is not paused', v_run.run_id
            using errcode = 'SG012',
                hint = 'There is nothing to resume: workers can claim the tasks of this run.';
    end if;
    perform stepgres._resume_families(array[v_run.run_id]);
end
$$;

comment on function stepgres.resume_workflow_run(uuid) is
'Resumes a paused run: queued tasks are dispatched, ready steps start, and timers go on.

The child runs that were paused together with the run are resumed too. A child run that was paused
by itself, before or since, stays paused. A timer goes on with the time that was left when the run
was paused.

Errors: SG005 unknown run, SG011 the run has ended, SG012 the run is not paused.';
