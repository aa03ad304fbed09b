create function stepgres.keep_tasks(worker_id text, tasks jsonb) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[];
    v_unknown stepgres._task_release[];
begin
    perform stepgres._worker(keep_tasks.worker_id);
    perform stepgres._check_results(keep_tasks.tasks, 'tasks');
    -- The call of work whose answer was lost may not have ended. The lock waits for this call if it
    -- has claimed tasks; the new generation keeps it from claiming tasks later.
    perform 1 from stepgres.workers as w where w.worker_id = keep_tasks.worker_id for update;
    update stepgres.workers as w
    set generation = w.generation + 1 where w.worker_id = keep_tasks.worker_id;
    v_run_ids := stepgres._lock_runs_of_workers(array[keep_tasks.worker_id]);
    select array_agg((t.run_id, t.step_slug, t.task_index, null)::stepgres._task_release)
    into v_unknown
    from stepgres.tasks as t
    where t.run_id = any (v_run_ids) and t.status = 'started' and t.worker_id = keep_tasks.worker_id
        and not exists (
            select from jsonb_to_recordset(keep_tasks.tasks) as k (
                run_id uuid, step_slug text, task_index int, claim int, attempt int
            )
            where (k.run_id, k.step_slug, k.task_index) = (t.run_id, t.step_slug, t.task_index)
                and coalesce(t.claim = k.claim, t.attempt = k.attempt)
        );
    perform stepgres._release_tasks(v_unknown);
    return coalesce(cardinality(v_unknown), 0);
end
$$;

comment on function stepgres.keep_tasks(text, jsonb) is
'Gives back all that a worker has claimed except these tasks; returns the number given back.

tasks is [{"run_id", "step_slug", "task_index", "claim"}]. No attempts are counted. A worker that
has lost its connection during a call of work calls keep_tasks: it may have claimed tasks that it
never heard of.

Errors: SG003 tasks is not an array, or a task is malformed, SG006 unknown worker.';
