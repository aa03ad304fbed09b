create function stepgres._send_tickets(
    pgmq_queue text,
    queue text,
    tasks stepgres._new_task[],
    are_new boolean,
    seen_at tid default null,
    lane jsonb default null
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_lane text := case when lane is not null then pgmq_queue end;
    v_messages jsonb[];
    v_msg_ids bigint[];
    v_is_awaited boolean;
    v_has_changed boolean;
begin
    v_messages := array(
        select jsonb_build_object(
            'run_id', k.run_id, 'step_slug', k.step_slug, 'task_index', k.task_index
        )
        from unnest(_send_tickets.tasks) as k
    );
    -- pgmq plans its statement at each call; the statement for one message costs half as much
    if cardinality(v_messages) = 1 then
        v_msg_ids := array(select pgmq.send(_send_tickets.pgmq_queue, v_messages[1]));
    else
        v_msg_ids := array(select pgmq.send_batch(_send_tickets.pgmq_queue, v_messages));
    end if;
    if are_new then
        insert into stepgres.tasks (run_id, step_slug, task_index, input, queued_at, msg_id, lane)
        select n.run_id, n.step_slug, n.task_index, n.input, v_now, n.msg_id, v_lane
        from rows from (unnest(_send_tickets.tasks), unnest(v_msg_ids))
            as n (run_id, step_slug, task_index, input, msg_id);
    else
        -- A task that another session has claimed since the caller looked is left alone.
        update stepgres.tasks as t
        set status = 'queued', queued_at = v_now, msg_id = n.msg_id, lane = v_lane
        from rows from (unnest(_send_tickets.tasks), unnest(v_msg_ids))
            as n (run_id, step_slug, task_index, input, msg_id)
        where (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
            and t.status in ('queued', 'waiting');
    end if;

    -- A commit that notifies takes a lock of the whole cluster, which ends group commit. So only
    -- waiting workers are notified, and under load no worker waits. A transaction that marks a
    -- queue as idle locks its table first. The tickets have waited for this lock, so the mark is
    -- seen here. The row is read where the caller has seen it, without an index; a row that has
    -- changed is elsewhere. Plain queues become idle only when no step needs them.
    select
        exists (
            select from stepgres.workers as w
            where w.is_waiting and _send_tickets.queue = any (w.queues) and (
                _send_tickets.lane is null or stepgres._reads_lane(w.knows, _send_tickets.lane)
            ) and _send_tickets.queue not in (select p.queue from stepgres.paused_queues as p)
        ),
        _send_tickets.pgmq_queue like 'stepgres\_\_%' and not exists (
            select from stepgres.queues as q
            where q.ctid = _send_tickets.seen_at
                and q.pgmq_queue = _send_tickets.pgmq_queue and not q.is_idle
        )
    into v_is_awaited, v_has_changed;
    if v_has_changed then
        perform stepgres._open_queue(q.queue, q.priority, q.resources, q.lane)
        from stepgres.queues as q where q.pgmq_queue = _send_tickets.pgmq_queue;
    end if;
    if v_is_awaited then
        perform pg_notify(stepgres.wakeup_name(_send_tickets.queue), '');
    end if;
end
$$;

comment on function stepgres._send_tickets(
    text, text, stepgres._new_task[], boolean, tid, jsonb
) is
'Queues tasks with their tickets in a pgmq queue, and notifies the workers that wait for them.

The notification is sent at commit, on the wakeup_name of the queue.
seen_at is the row of the pgmq queue that the caller has found in use.';
