create function stepgres.list_workers(most int default null) returns setof stepgres.worker_info
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._not_negative(most, 'most');
    return query
    select w.worker_id, w.queues, stepgres._without_features(w.resources), w.lease,
        w.registered_at, w.heartbeat_at,
        w.heartbeat_at + w.lease > stepgres._now(), coalesce(t.tasks, 0), w.slots, w.is_waiting,
        w.knows, coalesce(t.executes, '[]')
    from stepgres.workers as w
    left join (
        select k.worker_id, count(*) as tasks,
            to_jsonb(array_agg(
                jsonb_build_object(
                    'run_id', k.run_id, 'workflow_slug', r.workflow_slug,
                    'step_slug', k.step_slug, 'task_index', k.task_index,
                    'started_at', k.started_at
                ) order by k.place
            ) filter (where k.place <= 20)) as executes
        from (
            select o.*, row_number() over (
                partition by o.worker_id order by o.started_at, o.run_id, o.step_slug, o.task_index
            ) as place
            from (
                select i.run_id from stepgres.active_runs as i
                order by i.run_id desc
                limit list_workers.most
            ) as a
            -- "offset 0" keeps the planner from reading the tasks of all runs
            cross join lateral (
                select t.* from stepgres.tasks as t where t.run_id = a.run_id offset 0
            ) as o
            where o.status = 'started'
        ) as k
        left join lateral (
            select o.workflow_slug from stepgres.runs as o
            where o.run_id = k.run_id and k.place <= 20 offset 0
        ) as r on true
        group by k.worker_id
    ) as t on t.worker_id = w.worker_id
    order by w.registered_at, w.worker_id;
end
$$;

comment on function stepgres.list_workers(int) is
'Lists the registered workers, the oldest first, each with the number of tasks that it executes.

Executors are workers without queues. The next tick takes over the tasks of a worker that is not
alive, and removes the worker.

With most, only tasks of so many active runs count, the newest: the call ends soon, however many
runs are active.

Errors: SG014 a negative most.';
