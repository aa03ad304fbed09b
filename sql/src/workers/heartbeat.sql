create function stepgres.heartbeat(worker_id text, tasks jsonb default '[]') returns setof stepgres.work_item
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker stepgres.workers := stepgres._worker(heartbeat.worker_id);
    v_progress jsonb;
begin
    perform stepgres._check_results(heartbeat.tasks, 'tasks');
    -- Not in the rows of the tasks: whoever holds the lock of a run relies on them to stay as they are,
    -- and a heartbeat that waits for such a lock comes too late.
    select coalesce(to_jsonb(array_agg(jsonb_build_object(
        'run_id', k.run_id, 'step_slug', k.step_slug, 'task_index', k.task_index, 'attempt', k.attempt,
        'heartbeat_at', v_now - make_interval(secs => k.heartbeat_age)
    ))), '[]') into v_progress
    from jsonb_to_recordset(heartbeat.tasks) as k (
        run_id uuid, step_slug text, task_index int, attempt int, heartbeat_age float8
    )
    where k.heartbeat_age is not null;
    if v_progress <> v_worker.progress then
        update stepgres.workers as w set progress = v_progress where w.worker_id = heartbeat.worker_id;
    end if;

    return query
    select k.run_id, null::text, null::int, k.step_slug, k.task_index, k.attempt, null::jsonb,
        null::interval, null::boolean, null::text, null::int, null::boolean, true
    from jsonb_to_recordset(heartbeat.tasks) as k (run_id uuid, step_slug text, task_index int, attempt int)
    where not exists (
        select from stepgres.tasks as t
        where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
            and t.status = 'started' and t.attempt = k.attempt and t.worker_id = heartbeat.worker_id
    );
end
$$;

comment on function stepgres.heartbeat(text, jsonb) is
'Says that a worker lives, which extends its lease on all it has claimed, and asks which of its tasks it still has.

tasks are those that it executes, [{"run_id", "step_slug", "task_index", "attempt"}]. Those that are not leased to it any
more, because their run has ended or they were taken over, come back with is_refused: their results are not wanted. With
"heartbeat_age": seconds since a step last said that it makes progress, its timeout begins there; to be repeated in
each call, since a call replaces what the one before said of that.

Errors: SG003 tasks is not an array, or one of them is malformed, SG006 the worker is unknown, or was found dead.';
