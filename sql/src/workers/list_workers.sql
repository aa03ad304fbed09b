create function stepgres.list_workers() returns setof stepgres.worker_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select w.worker_id, w.queues, stepgres._without_features(w.resources), w.lease,
        w.registered_at, w.heartbeat_at,
        w.heartbeat_at + w.lease > stepgres._now(), coalesce(t.tasks, 0), w.slots
    from stepgres.workers as w
    left join (
        select k.worker_id, count(*) as tasks
        from stepgres.active_runs as a
        join stepgres.tasks as k on k.run_id = a.run_id and k.status = 'started'
        group by k.worker_id
    ) as t on t.worker_id = w.worker_id
    order by w.registered_at, w.worker_id
$$;

comment on function stepgres.list_workers() is
'Lists the registered workers, the oldest first, each with the number of tasks that it executes.

Executors are workers without queues. The next tick takes over the tasks of a worker that is not
alive, and removes the worker.';
