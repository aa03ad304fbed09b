create function stepgres._pass_on(worker stepgres.workers, rows tid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch record;
    v_count int := 0;
begin
    for v_batch in
        select s.queue, coalesce(r.priority, s.priority) as priority, s.resources, l.lane,
            array_agg((t.run_id, t.step_slug, t.task_index, null)::stepgres._new_task) as tasks
        from stepgres.tasks as t
        join stepgres.runs as r
            on r.run_id = t.run_id and r.status = 'started' and r.paused_at is null
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, t.step_slug)
            offset 0
        ) as s
        cross join lateral stepgres._lane_for(
            _pass_on.worker, r.workflow_slug, r.version, t.step_slug
        ) as l (lane)
        where t.ctid = any (_pass_on.rows) and t.status = 'queued' and t.msg_id is not null
            and not stepgres._knows_step(worker.knows, r.workflow_slug, r.version, t.step_slug)
        group by s.queue, coalesce(r.priority, s.priority), s.resources, l.lane
        -- Queues that have to be made are made in one order, so that transactions do not deadlock.
        order by s.queue, coalesce(r.priority, s.priority), s.resources, l.lane
    loop
        perform stepgres._send_tickets(
            stepgres._open_queue(v_batch.queue, v_batch.priority, v_batch.resources, v_batch.lane),
            v_batch.queue, v_batch.tasks, are_new => false, lane => v_batch.lane
        );
        v_count := v_count + cardinality(v_batch.tasks);
    end loop;
    return v_count;
end
$$;

comment on function stepgres._pass_on(stepgres.workers, tid[]) is
'Sends popped tickets of tasks that the worker does not know to lanes of workers that know them.

Returns the number of these tickets.';
