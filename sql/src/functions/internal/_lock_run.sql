create function stepgres._lock_run(run_id uuid) returns stepgres.runs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    perform stepgres._lock_runs(array[_lock_run.run_id]);
    select r.* into v_run from stepgres.runs as r where r.run_id = _lock_run.run_id;
    if not found then
        perform stepgres._run_not_found(_lock_run.run_id);
    end if;
    return v_run;
end
$$;

comment on function stepgres._lock_run(uuid) is
'A run as it is under its lock; SG005 if there is none.';
