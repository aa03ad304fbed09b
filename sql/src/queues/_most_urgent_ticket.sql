create function stepgres._most_urgent_ticket(worker stepgres.workers) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_least_priority int;
    v_queue record;
    v_is_waiting boolean;
begin
    -- Nearly all workers have only queues of one priority.
    select min(q.priority) into v_least_priority
    from stepgres.queues as q
    where q.queue = any (worker.queues)
    having min(q.priority) < max(q.priority);
    if not found then
        return null;
    end if;
    for v_queue in
        select q.pgmq_queue, q.priority from stepgres._queues_of(_most_urgent_ticket.worker) as q
        where q.priority > v_least_priority
        order by q.priority desc
    loop
        execute format(
            'select exists (select from pgmq.%I as m where m.msg_id >= $1)',
            'q_' || v_queue.pgmq_queue
        ) into v_is_waiting using (stepgres._position_in(v_queue.pgmq_queue)).first;
        if v_is_waiting then
            return v_queue.priority;
        end if;
    end loop;
    return null;
end
$$;

comment on function stepgres._most_urgent_ticket(stepgres.workers) is
'Returns the highest priority of the tickets that wait for a worker.

Returns null if no ticket is above the lowest priority of the queues of the worker.';
