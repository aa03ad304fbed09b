create function stepgres._queue_depth(pgmq_queue text, out tasks bigint, out oldest_at timestamptz)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Tickets are numbered in the order in which they were sent, and taken roughly in this order.
    execute format(
        $count$
        select
            case when count(*) <= 1000 then count(*) else (
                select max(msg_id) - min(msg_id) + 1 from pgmq.%1$I
            ) end,
            min(f.enqueued_at)
        from (select m.enqueued_at from pgmq.%1$I as m order by m.msg_id limit 1001) as f
        $count$,
        'q_' || pgmq_queue
    ) into tasks, oldest_at;
exception when undefined_table then
    tasks := 0; -- the queue was deleted since the caller read its name
end
$$;

comment on function stepgres._queue_depth(text) is
'Counts the tickets of a pgmq queue up to 1,000, and estimates a larger number from their numbers.

The estimate is never too low.';
