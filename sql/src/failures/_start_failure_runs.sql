create function stepgres._start_failure_runs() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_failed uuid[];
    v_group record;
begin
    v_failed := array(
        select f.failed_run_id from stepgres.failure_runs as f
        where f.due_at <= v_now order by f.due_at limit 1000
        for no key update skip locked
    );
    for v_group in
        select r.on_failure, array_agg(r.run_id order by r.finished_at, r.run_id) as run_ids
        from stepgres.runs as r
        where r.run_id = any (v_failed)
        group by r.on_failure order by r.on_failure
    loop
        perform stepgres._start_failure_runs_of(v_group.on_failure, v_group.run_ids);
    end loop;
    return cardinality(v_failed);
end
$$;

comment on function stepgres._start_failure_runs() is
'Starts the workflows on_failure of the next 1,000 failed runs, and returns the number of these
runs.';
