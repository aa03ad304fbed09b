create function stepgres._queue_batch(
    tasks stepgres._new_task[], queue text, priority int, resources jsonb, are_new boolean
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_found record;
begin
    if queue is null then
        v_now := stepgres._now();
        if are_new then
            insert into stepgres.tasks (run_id, step_slug, task_index, input, queued_at)
            select n.run_id, n.step_slug, n.task_index, n.input, v_now
            from unnest(_queue_batch.tasks) as n;
        else
            update stepgres.tasks as t
            set status = 'queued', queued_at = v_now, msg_id = null, lane = null
            from unnest(_queue_batch.tasks) as n
            where (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
                and t.status in ('queued', 'waiting');
        end if;
        return;
    end if;
    select q.pgmq_queue, q.is_idle, q.has_lanes, q.ctid as seen_at into v_found
    from stepgres.queues as q
    where (q.queue, q.priority, q.resources, q.lane) = (
        _queue_batch.queue, _queue_batch.priority, _queue_batch.resources, '{}'
    );
    if not found or v_found.is_idle or to_regclass('pgmq.q_' || v_found.pgmq_queue) is null then
        v_found.pgmq_queue := stepgres._open_queue(
            _queue_batch.queue, _queue_batch.priority, _queue_batch.resources
        );
    end if;
    if v_found.has_lanes then
        perform stepgres._send_tickets(
            l.pgmq_queue, _queue_batch.queue, l.tasks, _queue_batch.are_new, l.seen_at, l.lane
        )
        from stepgres._into_lanes(v_found.pgmq_queue, _queue_batch.tasks) as l;
    else
        perform stepgres._send_tickets(
            v_found.pgmq_queue, _queue_batch.queue, _queue_batch.tasks, _queue_batch.are_new,
            v_found.seen_at
        );
    end if;
end
$$;

comment on function stepgres._queue_batch(stepgres._new_task[], text, int, jsonb, boolean) is
'Queues tasks that need the same queue, priority and resources; see _queue_tasks.

Without a queue the tasks get no tickets.';
