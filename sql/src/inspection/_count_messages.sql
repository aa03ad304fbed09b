create function stepgres._count_messages(
    pgmq_queue text, most int, out messages bigint, out oldest_at timestamptz
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        'select count(*), min(m.enqueued_at)
        from (select o.enqueued_at from pgmq.%I as o order by o.msg_id limit $1) as m',
        'q_' || pgmq_queue
    ) into messages, oldest_at using stepgres._not_negative(most, 'most');
exception when undefined_table then
    messages := 0; -- the queue was deleted since the caller read its name
end
$$;

comment on function stepgres._count_messages(text, int) is
'Counts the messages of a pgmq queue, at most most, and returns when the first of them was sent.

The function is part of list_queues and list_channels.';
