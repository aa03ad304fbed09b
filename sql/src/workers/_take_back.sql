create function stepgres._take_back(run_ids uuid[], worker_ids text[], is_dead boolean) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_started stepgres._task_failure[];
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
        )::stepgres._task_failure) filter (where t.status = 'started'),
        array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key)
            filter (where t.status = 'queued')
    into v_started, v_orphans
    from stepgres.runs as r
    join stepgres.tasks as t on t.run_id = r.run_id
    where r.run_id = any (_take_back.run_ids) and r.status = 'started' and (
        (t.status = 'started' and t.worker_id = any (_take_back.worker_ids))
        or (t.status = 'queued' and t.msg_id is null and r.executor_id is null)
    );
    perform stepgres._requeue_tasks(v_orphans);
    if is_dead then
        perform stepgres._advance(stepgres._fail_tasks(v_started));
    else
        perform stepgres._release_tasks(array(
            select (s.run_id, s.step_slug, s.task_index, null)::stepgres._task_release
            from unnest(v_started) as s
        ));
    end if;
    return coalesce(cardinality(v_started), 0) + coalesce(cardinality(v_orphans), 0);
end
$$;

comment on function stepgres._take_back(uuid[], text[], boolean) is
'Takes back all that workers hold of locked runs, and returns the number of tasks.

If is_dead, the attempts of the workers have failed; otherwise no attempt is counted.';
