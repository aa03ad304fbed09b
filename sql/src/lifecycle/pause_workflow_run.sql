create function stepgres.pause_workflow_run(run_id uuid) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    perform stepgres._pause_families(array[pause_workflow_run.run_id]);
    v_run := stepgres._find_run(pause_workflow_run.run_id);
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    end if;
end
$$;

comment on function stepgres.pause_workflow_run(uuid) is
'Pauses a run: no task of the run is claimed, no step starts, and its timers stand still.

Executing tasks finish, and their results count. Pausing a paused run changes nothing. The child
runs that the run waits for are paused too. A run that was only started with this parent_run_id goes
on.

Errors: SG005 unknown run, SG011 the run has ended.';
