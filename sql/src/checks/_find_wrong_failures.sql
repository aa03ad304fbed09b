create function stepgres._find_wrong_failures() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'failure_runs are the failed runs with on_failure', coalesce(f.failed_run_id, r.run_id),
        format('on_failure %s, cancelled_at %s', r.on_failure, r.cancelled_at)
    from stepgres.failure_runs as f
    full join stepgres.runs as r on r.run_id = f.failed_run_id
    where (f.failed_run_id is not null) <> coalesce(
        r.status = 'failed' and r.cancelled_at is null and r.on_failure is not null, false
    )
    union all
    select 'a run with a failure_of has no on_failure', r.run_id, r.on_failure
    from stepgres.runs as r
    where r.failure_of is not null and r.on_failure is not null
    union all
    select 'failure_runs name runs that were started for the failed runs', f.failed_run_id,
        format('run %s is for run %s', r.run_id, r.failure_of)
    from stepgres.failure_runs as f
    join stepgres.runs as r on r.run_id = f.run_id
    where r.failure_of is distinct from f.failed_run_id
$$;

comment on function stepgres._find_wrong_failures() is
'Returns failed runs for which no workflow on_failure is started or to be started: part of fsck.';
