create function stepgres.work(
    worker_id text,
    results jsonb default '[]',
    capacity int default 1,
    run_ids uuid[] default null,
    is_waiting boolean default false,
    begins int default null
) returns setof stepgres.work_item
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_worker stepgres.workers := stepgres._worker(work.worker_id);
    v_room stepgres._room;
    v_run_ids uuid[];
    v_applied stepgres._applied;
    v_is_idle boolean := false;
begin
    v_room.capacity := coalesce(work.capacity, 0);
    v_room.begins := coalesce(work.begins, v_room.capacity);
    v_run_ids := stepgres._check_results(work.results);
    if results = '[]' then
        perform stepgres._lock_runs(work.run_ids);
    else
        v_applied := stepgres._apply_batch(
            v_worker, work.results, v_room, work.run_ids || v_run_ids
        );
        if v_applied.refused is not null then
            return query
            select i.*
            from unnest(v_applied.refused) as p (place)
            cross join stepgres._refused_item(work.results -> (p.place - 1)::int) as i;
        end if;
    end if;
    if capacity > 0 then
        begin
            return query select * from stepgres._hand_out(
                stepgres._claim(v_worker, v_room, work.run_ids, v_applied.handed)
            );
            v_is_idle := not found;
        exception when others or query_canceled then
            -- Results are finished work, so they are stored, even if the claim fails or is
            -- cancelled. The next claim without results meets the same error and reports it.
            if results = '[]' then
                raise;
            end if;
            raise warning 'worker "%" has claimed no tasks; its results are stored: %',
                work.worker_id, sqlerrm;
            perform stepgres._release_tasks(array(
                select (i.run_id, i.step_slug, i.task_index, null)::stepgres._task_release
                from unnest(v_applied.handed) as i
            ));
        end;
        if (work.is_waiting and v_is_idle) <> v_worker.is_waiting then
            -- skip locked: this call may hold runs that the holder of the lock of the worker waits
            -- for.
            update stepgres.workers as w set is_waiting = not v_worker.is_waiting
            where w.worker_id = (
                select o.worker_id from stepgres.workers as o where o.worker_id = work.worker_id
                for no key update skip locked
            );
        end if;
    end if;
end
$$;

comment on function stepgres.work(text, jsonb, int, uuid[], boolean, int) is
'Does a whole turn of a worker in one call: applies its results, and claims its next tasks.

A result is {"run_id", "step_slug", "task_index", "claim", "status"}, and further keys by status.
The claim is the number that came with the task; a result without it has "attempt".
"completed" has "output" (null if it is missing), and optionally "tasks", which are added as
complete_task describes. "failed" has "error", and optionally "retryable": false, "retry_after":
seconds, "error_type" and "traceback", as for fail_task. "released" gives the task back without
costing an attempt, optionally not before "retry_after". "suspended" lets the task of a durable step
wait, without costing an attempt, until one of "waits_for" is resolved, an array of wait_ids, or any
wait; if one was resolved meanwhile, the task is queued at once. "restarted" queues the task of a
durable step again with "input", and without its checkpoints. Other keys are ignored.

Each result may have "logs", the lines of the attempt for list_logs: [{"at": ISO 8601 with its
offset, "level": debug, info, warning, error or critical, "message"}]. A longer log than 64 KB loses
its middle. A bad line is left out with a warning, and refuses no result.

Up to capacity tasks are returned. First come tasks of steps that the results made ready, then the
local tasks of the runs in run_ids that this worker executes, then tasks from its queues. A refused
result comes back as a row with is_refused: its task is leased to another worker, or is over.

A "completed" result of a run that is traced may have "traceparent", the span of the step as W3C
Trace Context writes it, for get_traceparents of the next steps. A bad one is left out.

begins is the number of tasks that the worker will begin at once, by default all. The tasks come in
the order in which it begins them. If it dies, the tasks beyond this number cost no attempt the
first time; their next claim says must_begin.

A worker that is about to sleep passes is_waiting. If there is nothing to do, Stepgres notifies
the worker of new tasks until its next call. The channel is the wakeup_name of the queue. The worker
should poll once more before it sleeps, because a task may have been queued meanwhile.

An answer has inputs of about 32 MB at most, or one input. Results are stored even if the claim
fails or is cancelled: then no tasks are returned, and the error is a warning. A result of a batch
that leads to more than PostgreSQL holds in a value fails its own task, and no other task.

Errors: SG003 results is not an array, or a result is malformed (no result is applied), SG006
unknown worker, SG018 tasks that break a rule (no result is applied).';
