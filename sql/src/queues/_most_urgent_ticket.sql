create function stepgres._most_urgent_ticket(worker stepgres.workers) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue record;
    v_is_waiting boolean;
begin
    for v_queue in
        select q.pgmq_queue, q.priority, min(q.priority) over () as least_priority
        from stepgres._queues_of(_most_urgent_ticket.worker) as q
        order by q.priority desc
    loop
        exit when v_queue.priority = v_queue.least_priority;
        execute format('select exists (select from pgmq.%I)', 'q_' || v_queue.pgmq_queue)
        into v_is_waiting;
        if v_is_waiting then
            return v_queue.priority;
        end if;
    end loop;
    return null;
end
$$;

comment on function stepgres._most_urgent_ticket(stepgres.workers) is
'Returns the highest priority of the tickets that wait for a worker.

Returns null if there is no ticket above the lowest priority of the queues of the worker.';
