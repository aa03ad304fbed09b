create function stepgres._find_overdue_tasks(run_ids uuid[]) returns stepgres._task_failure[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    -- Workers end their attempts in time themselves. This function is for a worker that hangs but
    -- sends heartbeats, or that ignores timeouts. The lease is the time that a worker may hold a
    -- task before it begins.
    return array(
        select (
            t.run_id, t.step_slug, t.task_index, t.attempt,
            format('TimeoutError: took longer than %s s', extract(epoch from s.timeout)::float8),
            true, null, null, 'TimeoutError', null
        )::stepgres._task_failure
        from unnest(_find_overdue_tasks.run_ids) as i (run_id)
        join stepgres.runs as r on r.run_id = i.run_id
        join stepgres.tasks as t on t.run_id = r.run_id and t.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, t.step_slug)
            offset 0
        ) as s
        join stepgres.workers as w on w.worker_id = t.worker_id
        where t.started_at + s.timeout + w.lease < v_now and not exists (
            select from jsonb_to_recordset(w.progress) as k (
                run_id uuid, step_slug text, task_index int, claim int, attempt int,
                heartbeat_at timestamptz
            )
            where (k.run_id, k.step_slug, k.task_index) = (t.run_id, t.step_slug, t.task_index)
                and coalesce(t.claim = k.claim, t.attempt = k.attempt)
                and k.heartbeat_at + s.timeout + w.lease >= v_now
        )
    );
end
$$;

comment on function stepgres._find_overdue_tasks(uuid[]) is
'Returns the overdue attempts of runs, as failures.

An attempt is overdue after the timeout of its step and the lease of its worker.';
