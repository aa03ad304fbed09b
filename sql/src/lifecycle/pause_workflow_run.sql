create function stepgres.pause_workflow_run(run_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._lock_run(pause_workflow_run.run_id);
begin
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    end if;
    perform stepgres._pause_runs(array[v_run.run_id]);
end
$$;

comment on function stepgres.pause_workflow_run(uuid) is
'Pauses a run: no task of the run is claimed, no step starts, and its timers stand still.

Executing tasks finish, and their results count. Pausing a paused run changes nothing. Child runs
go on.

Errors: SG005 unknown run, SG011 the run has ended.';
