create function stepgres._close_queue(pgmq_queue text) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_empty text := format(
        'select not exists (select from pgmq.%I)', 'q_' || _close_queue.pgmq_queue
    );
    v_answer boolean;
begin
    execute v_is_empty into v_answer;
    if not v_answer then
        return false;
    end if;
    -- A sender holds a lock of the table: then the queue is not idle. A later sender waits for the
    -- end of this transaction, and then sees that the queue is idle.
    execute format(
        'lock table pgmq.%I in share row exclusive mode nowait', 'q_' || _close_queue.pgmq_queue
    );
    execute v_is_empty into v_answer;
    if v_answer then
        update stepgres.queues as q set is_idle = true
        where q.pgmq_queue = (
            select o.pgmq_queue from stepgres.queues as o
            where o.pgmq_queue = _close_queue.pgmq_queue and not o.is_idle
            for no key update skip locked
        );
    end if;
    return v_answer;
exception when lock_not_available or undefined_table then
    return false;
end
$$;

comment on function stepgres._close_queue(text) is
'Marks a pgmq queue as idle if it is empty and nobody is sending to it.

No worker looks into an idle pgmq queue.';
