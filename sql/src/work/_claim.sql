create function stepgres._claim(worker stepgres.workers, capacity int, run_ids uuid[], handed tid[])
returns stepgres._claimed
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_rows tid[] := coalesce(handed, '{}');
    v_pgmq_queue text;
    v_claimed stepgres._claimed;
begin
    v_rows := v_rows || stepgres._lock_local_tasks(worker.worker_id, capacity - cardinality(v_rows), run_ids);
    for v_pgmq_queue in
        select q.pgmq_queue from stepgres.queues as q
        where q.queue = any (worker.queues) and worker.resources @> q.resources
        order by q.priority desc, array_position(worker.queues, q.queue)
    loop
        exit when cardinality(v_rows) >= capacity;
        v_rows := v_rows || stepgres._pop_tasks(v_pgmq_queue, capacity - cardinality(v_rows));
    end loop;
    if cardinality(v_rows) = 0 then
        return null;
    end if;
    perform stepgres._hold_worker(worker.worker_id);
    -- after the tickets: no task starts before the step that it belongs to
    v_now := stepgres._now();

    -- The rows are locked and so stay where they are. A run that has ended since they were locked is
    -- seen here, in a new snapshot: whoever ends a run takes the locks of its tasks.
    with started as (
        update stepgres.tasks as t
        set status = 'started', attempt = t.attempt + 1, worker_id = worker.worker_id, started_at = v_now,
            msg_id = null, error = null
        from stepgres.runs as r
        where t.ctid = any (v_rows) and t.status = 'queued'
            and r.run_id = t.run_id and r.status = 'started' and r.paused_at is null
        returning t.run_id, t.step_slug, t.task_index, t.attempt, t.ctid as row_id,
            r.workflow_slug, r.version, r.priority
    ),
    ordered as (
        select t.row_id, (
            t.run_id, t.workflow_slug, t.version, t.step_slug, t.task_index, t.attempt, null,
            s.timeout::interval, s.transactional, s.sql_function, o.priority, t.attempt >= s.max_attempts, false
        )::stepgres.work_item as item
        from started as t
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (t.workflow_slug, t.version, t.step_slug)
        cross join lateral (select coalesce(t.priority, s.priority) as priority) as o
        -- a worker may claim more than it can run at a time, and runs them in this order
        order by o.priority desc, t.run_id, t.task_index
    )
    select array_agg(o.item), array_agg(o.row_id) into v_claimed from ordered as o;
    return v_claimed;
end
$$;

comment on function stepgres._claim(stepgres.workers, int, uuid[], tid[]) is
'Starts up to capacity tasks for a worker, first those that were handed to it, and returns them, without inputs, and their rows.';
