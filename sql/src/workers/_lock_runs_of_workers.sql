create function stepgres._lock_runs_of_workers(worker_ids text[]) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := array(
        select r.run_id
        from stepgres.active_runs as a
        join stepgres.runs as r on r.run_id = a.run_id
        where r.executor_id = any (_lock_runs_of_workers.worker_ids) or exists (
            select from stepgres.tasks as t
            where t.run_id = r.run_id and t.status = 'started'
                and t.worker_id = any (_lock_runs_of_workers.worker_ids)
        )
    );
begin
    perform stepgres._lock_runs(v_run_ids);
    return v_run_ids;
end
$$;

comment on function stepgres._lock_runs_of_workers(text[]) is
'Locks the active runs that workers execute, or have claimed tasks of, and returns them.';
