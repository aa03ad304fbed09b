create function stepgres._release_tasks(releases stepgres._task_release[]) returns void
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_released stepgres._task_key[];
    v_limited stepgres._task_key[];
begin
    -- The attempt was not used: the next claim gets its number again, under another worker or
    -- lease. A task is not started any more if another result of the batch has failed its run.
    with released as (
        update stepgres.tasks as t
        set status = 'waiting', attempt = t.attempt - 1, queued_at = v_now
        from unnest(_release_tasks.releases) as k
        where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
            and t.status = 'started'
        returning t.run_id, t.step_slug, t.task_index, t.is_limited, k.retry_after
    ),
    timed as (
        insert into stepgres.timers (run_id, step_slug, task_index, due_at, remaining)
        select r.run_id, r.step_slug, r.task_index,
            case when o.paused_at is null then v_now + r.retry_after else 'infinity' end,
            case when o.paused_at is not null then r.retry_after end
        from released as r
        join stepgres.runs as o on o.run_id = r.run_id
        where r.retry_after > interval '0'
    )
    select
        array_agg((r.run_id, r.step_slug, r.task_index)::stepgres._task_key)
            filter (where coalesce(r.retry_after, interval '0') <= interval '0'),
        array_agg((r.run_id, r.step_slug, r.task_index)::stepgres._task_key)
            filter (where r.is_limited)
    into v_released, v_limited
    from released as r;
    perform stepgres._free_places(v_limited);
    perform stepgres._requeue_tasks(v_released);
end
$$;

comment on function stepgres._release_tasks(stepgres._task_release[]) is
'Takes started tasks back from a worker that will not execute them, without counting an attempt.

A task is queued again after its retry_after.';
