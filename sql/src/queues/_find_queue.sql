create function stepgres._find_queue(queue text, priority int, resources jsonb, lane jsonb)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
begin
    -- key share: a queue that is found here is not retired before the end of this transaction. Only
    -- a transaction that retires queues holds a lock that this select waits for, and it waits for
    -- nobody.
    select q.pgmq_queue into v_pgmq_queue from stepgres.queues as q
    where (q.queue, q.priority, q.resources, q.lane)
        = (_find_queue.queue, _find_queue.priority, _find_queue.resources, _find_queue.lane)
    for key share;
    return case when to_regclass('pgmq.q_' || v_pgmq_queue) is not null then v_pgmq_queue end;
end
$$;

comment on function stepgres._find_queue(text, int, jsonb, jsonb) is
'Returns the pgmq queue for a queue, priority, resources and lane, if it is there, and keeps it.';
