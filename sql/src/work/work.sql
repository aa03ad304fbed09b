create function stepgres.work(
    worker_id text,
    results jsonb default '[]',
    capacity int default 1,
    run_ids uuid[] default null,
    is_waiting boolean default false
) returns setof stepgres.work_item
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_worker stepgres.workers := stepgres._worker(work.worker_id);
    v_run_ids uuid[];
    v_applied stepgres._applied;
    v_is_idle boolean := false;
begin
    v_run_ids := stepgres._check_results(work.results);
    if results = '[]' then
        perform stepgres._lock_runs(work.run_ids);
    else
        v_applied := stepgres._apply_batch(
            v_worker, work.results, coalesce(work.capacity, 0), work.run_ids || v_run_ids
        );
        return query
        select i.run_id, null::text, null::int, i.step_slug, i.task_index, i.attempt, null::jsonb,
            null::interval, null::boolean, null::text, null::int, null::boolean, true
        from unnest(v_applied.refused) as p (place)
        cross join jsonb_to_record(work.results -> (p.place - 1)::int) as i (
            run_id uuid, step_slug text, task_index int, attempt int
        );
    end if;
    if capacity > 0 then
        begin
            return query select * from stepgres._hand_out(
                stepgres._claim(v_worker, work.capacity, work.run_ids, v_applied.handed)
            );
            v_is_idle := not found;
        exception when others or query_canceled then
            -- Whatever is wrong with what is claimed, or however long it takes, results are finished work: they are
            -- stored, and the next claim without any meets the same error and reports it.
            if results = '[]' then
                raise;
            end if;
            raise warning 'worker "%" has claimed nothing, its results are stored: %', work.worker_id, sqlerrm;
            perform stepgres._requeue_tasks(array(
                select (t.run_id, t.step_slug, t.task_index)::stepgres._task_key
                from stepgres.tasks as t where t.ctid = any (v_applied.handed)
            ));
        end;
        if (work.is_waiting and v_is_idle) <> v_worker.is_waiting then
            update stepgres.workers as w set is_waiting = not v_worker.is_waiting
            where w.worker_id = work.worker_id;
        end if;
    end if;
end
$$;

comment on function stepgres.work(text, jsonb, int, uuid[], boolean) is
'A whole turn of a worker in one call: applies its results and all that follows from them, and claims its next tasks.

A result is {"run_id", "step_slug", "task_index", "attempt"} with "status": "completed" and "output", optionally "tasks" that are
added as complete_task says; "failed" and "error",
optionally "retryable": false, "retry_after": seconds, "error_type" and "traceback", as fail_task has them; or "released", for a task that goes back without costing an
attempt, with "retry_after" not before that. Release only what is not being executed: the next claim of the task has
the same attempt number. Up to capacity tasks are returned: local tasks of the runs in run_ids that this worker executes, then tasks from
its queues. A result that is refused comes back with is_refused: its task is leased to another worker, or over. Each result names its task, attempt and status; a "completed" one without an
"output" has the output null. Other keys are ignored.

A worker that is about to sleep passes is_waiting: if there is nothing to do, it is from then on, until its next call,
notified of new tasks on the channel stepgres_queue_ and the name of the queue. It should poll once more after that: a
task may have been queued meanwhile.

An answer has inputs of about 32 MB at most, or one input. Results are stored even if the claim fails, or is cancelled:
then no tasks are returned, and the error is a warning. A result in a batch that leads to more than PostgreSQL holds
in a value fails its task, and no other.

Errors: SG003 results is not an array, or one of them is malformed (none is applied then), SG006 unknown worker,
SG018 tasks that break a rule (no result is applied then).';
