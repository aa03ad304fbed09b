create function stepgres._counters() returns table (name text, labels jsonb, value float8)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select v.name, v.labels::jsonb, v.value
    from stepgres._metric_totals as t
    cross join lateral (
        values
        ('stepgres_tasks_total', '{"outcome": "completed"}', t.tasks_completed::float8),
        ('stepgres_tasks_total', '{"outcome": "failed"}', t.tasks_failed),
        ('stepgres_tasks_total', '{"outcome": "skipped"}', t.tasks_skipped),
        ('stepgres_tasks_total', '{"outcome": "cancelled"}', t.tasks_cancelled),
        ('stepgres_task_retries_total', '{}', t.retries),
        ('stepgres_task_wait_seconds_count', '{}', t.executions),
        ('stepgres_task_wait_seconds_sum', '{}', t.waited),
        ('stepgres_task_run_seconds_count', '{}', t.executions),
        ('stepgres_task_run_seconds_sum', '{}', t.ran),
        ('stepgres_runs_total', '{"outcome": "completed"}', t.runs_completed),
        ('stepgres_runs_total', '{"outcome": "failed"}', t.runs_failed),
        ('stepgres_runs_total', '{"outcome": "cancelled"}', t.runs_cancelled),
        ('stepgres_leases_expired_total', '{}', t.leases_expired),
        ('stepgres_schedules_missed_total', '{}', t.schedules_missed)
    ) as v (name, labels, value)
$$;

comment on function stepgres._counters() is
'Returns the counters: they only rise, also when runs are deleted.';
