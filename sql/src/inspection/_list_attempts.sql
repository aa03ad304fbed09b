create function stepgres._list_attempts(run_id uuid, step_slug text, most int) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        to_jsonb(array_agg(to_jsonb(l) - 'rank' order by l.rank, l.task_index, l.attempt)), '[]'
    )
    from (
        select 1 as rank, a.task_index, a.attempt, 'failed' as status, a.worker_id, a.started_at,
            a.failed_at as finished_at, a.error, a.error_type, a.traceback
        from stepgres.attempts as a
        where a.run_id = _list_attempts.run_id and a.step_slug = _list_attempts.step_slug
        union all
        select 2, t.task_index, t.attempt, t.status, t.worker_id, t.started_at, t.finished_at,
            t.error, null, null
        from stepgres.tasks as t
        where t.run_id = _list_attempts.run_id and t.step_slug = _list_attempts.step_slug
            -- a task whose last attempt has failed is in the first part
            and t.attempt > 0 and t.status in ('started', 'completed', 'cancelled')
        order by rank, task_index, attempt
        limit most
    ) as l
$$;

comment on function stepgres._list_attempts(uuid, text, int) is
'Returns at most so many attempts of a step of a run, the failed attempts first: part of get_run.';
