create function stepgres.heartbeat(worker_id text, tasks jsonb default '[]')
returns setof stepgres.work_item
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
    -- Progress is not stored in the rows of the tasks. A transaction with the lock of a run relies
    -- on these rows to stay as they are, and a heartbeat that waits for such a lock comes too late.
    select coalesce(to_jsonb(array_agg(jsonb_build_object(
        'run_id', k.run_id, 'step_slug', k.step_slug, 'task_index', k.task_index,
        'claim', k.claim, 'attempt', k.attempt,
        'heartbeat_at', v_now - make_interval(secs => k.heartbeat_age)
    ))), '[]') into v_progress
    from jsonb_to_recordset(heartbeat.tasks) as k (
        run_id uuid, step_slug text, task_index int, claim int, attempt int, heartbeat_age float8
    )
    where k.heartbeat_age is not null;
    if v_progress <> v_worker.progress then
        -- skip locked: a turn may hold the row for long, and the next heartbeat says the same.
        update stepgres.workers as w set progress = v_progress
        where w.worker_id = (
            select o.worker_id from stepgres.workers as o where o.worker_id = heartbeat.worker_id
            for no key update skip locked
        );
    end if;
    if tasks @? '$[*].progress' then
        perform stepgres._follow();
        perform stepgres._store_progress(heartbeat.worker_id, heartbeat.tasks);
    end if;

    return query
    select i.*
    from jsonb_array_elements(heartbeat.tasks) as k
    cross join stepgres._refused_item(k) as i
    where not exists (
        select from stepgres.tasks as t
        where (t.run_id, t.step_slug, t.task_index) = (i.run_id, i.step_slug, i.task_index)
            and t.status = 'started' and coalesce(t.claim = i.claim, t.attempt = i.attempt)
            and t.worker_id = heartbeat.worker_id
    );
end
$$;

comment on function stepgres.heartbeat(text, jsonb) is
'Says that a worker lives, which extends its lease on its tasks, and returns the tasks it has lost.

tasks are the tasks that the worker executes, [{"run_id", "step_slug", "task_index", "claim"}].
Tasks that are not leased to the worker any more, because their run has ended or another worker took
them over, come back with is_refused: their results will be refused.

"heartbeat_age" is the number of seconds since a step last reported progress; the timeout of the
task begins at that time. Repeat "heartbeat_age" in each call: a call replaces the reports of the
call before.

"progress" says how far a step has come, {"done", "total", "message"}, with null for an unknown
total or no message. get_run shows the last report until the attempt ends. A report does not begin
the timeout anew.

Errors: SG003 tasks is not an array, or a task is malformed, SG006 the worker is unknown, or was
found dead.';
