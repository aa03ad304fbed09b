create function stepgres._drop_queue(queue stepgres.queues) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_empty boolean;
begin
    -- nowait: senders lock the table, and tick waits for nobody.
    execute format('lock table pgmq.%I in access exclusive mode nowait', 'q_' || queue.pgmq_queue);
    execute format(
        'select not exists (select from pgmq.%I)', 'q_' || queue.pgmq_queue
    ) into v_is_empty;
    if not v_is_empty then
        return;
    end if;
    perform pgmq.drop_queue(_drop_queue.queue.pgmq_queue);
    delete from stepgres.queues as q where q.pgmq_queue = _drop_queue.queue.pgmq_queue;
    update stepgres.queues as q set has_lanes = false
    where q.pgmq_queue = (
        select o.pgmq_queue from stepgres.queues as o
        where (o.queue, o.priority, o.resources, o.lane)
            = (queue.queue, queue.priority, queue.resources, '{}')
            and o.has_lanes
        for no key update skip locked
    ) and not exists (
        select from stepgres.queues as l
        where (l.queue, l.priority, l.resources) = (q.queue, q.priority, q.resources)
            and l.lane <> '{}'
    );
exception when lock_not_available or undefined_table then
    null;
end
$$;

comment on function stepgres._drop_queue(stepgres.queues) is
'Drops a pgmq queue and its row in queues, unless it holds tickets or somebody is using it.

The caller has locked the row.';
