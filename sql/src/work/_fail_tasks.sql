create function stepgres._fail_tasks(failures stepgres._task_failure[]) returns stepgres._step_key[]
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_exhausted stepgres._exhausted_task[];
    v_left_bodies stepgres._task_key[];
    v_limited stepgres._task_key[];
    v_retries bigint;
    v_failed bigint;
    v_skipped bigint;
begin
    with failed as materialized (
        select t.run_id, t.step_slug, t.task_index, f.attempt, t.worker_id,
            coalesce(t.started_at, t.queued_at) as started_at,
            stepgres._shorten(coalesce(f.error, 'unknown error')) as error,
            stepgres._shorten(f.error_type) as error_type,
            stepgres._shorten(f.traceback) as traceback, f.output,
            r.paused_at is not null as is_paused,
            f.retryable and o.attempts < s.max_attempts as is_retried,
            -- An output that its map cannot take fails the step at once: another attempt would not
            -- help.
            case when f.output is null then s.when_exhausted else 'fail' end as policy,
            t.counted_from, t.is_limited,
            coalesce(f.retry_after, stepgres._backoff(s.base_delay, o.attempts)) as delay
        from unnest(_fail_tasks.failures) as f
        join stepgres.runs as r on r.run_id = f.run_id and r.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, f.step_slug)
            offset 0
        ) as s
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (f.run_id, f.step_slug, f.task_index)
        cross join lateral (
            select f.attempt - coalesce(t.counted_from, 0) as attempts
        ) as o
        -- A child run is counted as an attempt when it ends.
        where (t.status = 'started' and t.attempt = f.attempt)
            or (t.status = 'waiting' and s.child is not null and t.attempt + 1 = f.attempt)
            -- A task that cannot stand in a line has no worker.
            or (t.status = 'queued' and t.is_limited and t.attempt + 1 = f.attempt)
    ),
    recorded as (
        insert into stepgres.attempts (
            run_id, step_slug, task_index, attempt, worker_id, started_at, failed_at, error,
            error_type, traceback
        )
        select f.run_id, f.step_slug, f.task_index, f.attempt, f.worker_id, f.started_at, v_now,
            f.error, f.error_type, f.traceback
        from failed as f
    ),
    timed as (
        insert into stepgres.timers (run_id, step_slug, task_index, due_at, remaining)
        select f.run_id, f.step_slug, f.task_index,
            case when f.is_paused then 'infinity' else v_now + f.delay end,
            case when f.is_paused then f.delay end
        from failed as f where f.is_retried
    ),
    moved as (
        update stepgres.tasks as t
        set status = case
                when f.is_retried then 'waiting'
                when f.policy = 'fail' then 'failed'
                else 'skipped'
            end,
            finished_at = case when not f.is_retried then v_now end,
            error = f.error,
            attempt = f.attempt,
            output = f.output
        from failed as f
        where (t.run_id, t.step_slug, t.task_index) = (f.run_id, f.step_slug, f.task_index)
    )
    select
        array_agg((
            f.run_id, f.step_slug, f.task_index, f.error, f.policy
        )::stepgres._exhausted_task) filter (where not f.is_retried),
        array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key)
            filter (where not f.is_retried and f.counted_from is not null),
        array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key)
            filter (where f.is_limited),
        count(*) filter (where f.is_retried),
        count(*) filter (where not f.is_retried and f.policy = 'fail'),
        count(*) filter (where not f.is_retried and f.policy <> 'fail')
    into v_exhausted, v_left_bodies, v_limited, v_retries, v_failed, v_skipped
    from failed as f;
    if v_retries + v_failed + v_skipped > 0 and stepgres._is_counting() then
        insert into stepgres.metric_counts (tasks_failed, tasks_skipped, retries)
        values (v_failed, v_skipped, v_retries);
    end if;
    perform stepgres._free_places(v_limited);
    if v_left_bodies is not null then
        perform stepgres._close_waits_of(v_left_bodies);
    end if;

    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_failed', array(
            select (a.run_id, a.step_slug, a.task_index)::stepgres._task_key
            from unnest(_fail_tasks.failures) as f
            join stepgres.attempts as a
                on (a.run_id, a.step_slug, a.task_index, a.attempt)
                    = (f.run_id, f.step_slug, f.task_index, f.attempt)
        ));
    end if;
    return stepgres._exhaust_tasks(v_exhausted);
end
$$;

comment on function stepgres._fail_tasks(stepgres._task_failure[]) is
'Ends failed attempts: records them, and lets their tasks wait for a retry or exhausts the tasks.

Returns the steps that are finished by this without being failed.';
