create function stepgres._open_queue(
    queue text, priority int, resources jsonb, lane jsonb default '{}'
) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._ensure_queue(
        _open_queue.queue, _open_queue.priority, _open_queue.resources, _open_queue.lane
    );
begin
    -- skip locked: another transaction is opening the queue, and may wait for runs that the caller
    -- holds. If that transaction rolls back, _tend_queues opens the queue.
    update stepgres.queues as q set is_idle = false, needed_at = stepgres._now()
    where q.pgmq_queue = (
        select o.pgmq_queue from stepgres.queues as o
        where o.pgmq_queue = v_pgmq_queue and o.is_idle
        for no key update skip locked
    );
    return v_pgmq_queue;
end
$$;

comment on function stepgres._open_queue(text, int, jsonb, jsonb) is
'Returns the pgmq queue of _ensure_queue, and lets workers look into it from now on.';
