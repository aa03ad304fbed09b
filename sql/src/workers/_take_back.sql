create function stepgres._take_back(run_ids uuid[], worker_ids text[], is_dead boolean) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_failed stepgres._task_failure[];
    v_released stepgres._task_release[];
    v_orphans stepgres._task_key[];
begin
    -- Without an executor local steps go through their queue, to any worker that knows them.
    update stepgres.runs as r set executor_id = null
    where r.run_id = any (_take_back.run_ids) and r.status = 'started'
        and r.executor_id = any (_take_back.worker_ids);
    select
        array_agg((
            t.run_id, t.step_slug, t.task_index, t.attempt,
            format('worker "%s" stopped responding', t.worker_id), true, interval '0', null,
            null, null
        )::stepgres._task_failure) filter (where o.has_failed),
        array_agg((t.run_id, t.step_slug, t.task_index, null)::stepgres._task_release)
            filter (where not o.has_failed and t.status = 'started'),
        array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key)
            filter (where t.status = 'queued')
    into v_failed, v_released, v_orphans
    from stepgres.runs as r
    join stepgres.tasks as t on t.run_id = r.run_id
    cross join lateral (
        select t.status = 'started' and is_dead and t.ahead is distinct from 'claimed' as has_failed
    ) as o
    where r.run_id = any (_take_back.run_ids) and r.status = 'started' and (
        (t.status = 'started' and t.worker_id = any (_take_back.worker_ids))
        or (t.status = 'queued' and t.msg_id is null and r.executor_id is null)
    );
    update stepgres.tasks as t set ahead = 'lost'
    from unnest(v_released) as k
    where is_dead
        and (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index);
    perform stepgres._requeue_tasks(v_orphans);
    perform stepgres._release_tasks(v_released);
    perform stepgres._advance(stepgres._fail_tasks(v_failed));
    return coalesce(cardinality(v_released), 0) + coalesce(cardinality(v_failed), 0)
        + coalesce(cardinality(v_orphans), 0);
end
$$;

comment on function stepgres._take_back(uuid[], text[], boolean) is
'Takes back all that workers hold of locked runs, and returns the number of tasks.

If is_dead, the attempts of the workers have failed, except for tasks that may not have begun: these
cost no attempt the first time. If not is_dead, no attempt is counted.';
