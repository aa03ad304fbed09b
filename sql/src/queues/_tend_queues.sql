create function stepgres._tend_queues() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue stepgres.queues;
    v_is_empty boolean;
begin
    -- Make pgmq queues that somebody has dropped with their tickets; lost tickets are replaced.
    perform stepgres._ensure_queue(q.queue, q.priority, q.resources, q.lane)
    from stepgres.queues as q where to_regclass('pgmq.q_' || q.pgmq_queue) is null;

    for v_queue in
        select q.* from stepgres.queues as q
        where q.is_idle or q.lane ? 'goals'
        order by random()
        limit 100
    loop
        execute format(
            'select not exists (select from pgmq.%I)', 'q_' || v_queue.pgmq_queue
        ) into v_is_empty;
        if v_is_empty then
            continue;
        elsif v_queue.is_idle then
            -- The transaction that opened the queue was rolled back, or a sender has not seen that
            -- it was idle.
            perform stepgres._open_queue(
                v_queue.queue, v_queue.priority, v_queue.resources, v_queue.lane
            );
        elsif v_queue.lane <> '{"goals": []}' and not exists (
            select from stepgres.workers as w
            where v_queue.queue = any (w.queues) and w.resources @> v_queue.resources
                and stepgres._reads_lane(w.knows, v_queue.lane)
        ) then
            perform stepgres._return_tickets(v_queue);
        end if;
    end loop;
    perform stepgres._retire_queues();
end
$$;

comment on function stepgres._tend_queues() is
'Tends the pgmq queues; part of tick.

It makes pgmq queues that somebody has dropped, opens idle queues that hold tickets, returns the
tickets of lanes whose workers have gone, and retires queues that nothing needs.';
