create function stepgres._lock_run(run_id uuid) returns stepgres.runs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._lock_runs(array[_lock_run.run_id]);
    return stepgres._find_run(_lock_run.run_id);
end
$$;

comment on function stepgres._lock_run(uuid) is
'Locks a run and returns it as it is under the lock; raises SG005 if there is no such run.';
