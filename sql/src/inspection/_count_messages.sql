create function stepgres._count_messages(
    pgmq_queue text, out messages bigint, out oldest_at timestamptz
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('select count(*), min(enqueued_at) from pgmq.%I', 'q_' || pgmq_queue)
    into messages, oldest_at;
exception when undefined_table then
    messages := 0; -- the queue was deleted since the caller read its name
end
$$;

comment on function stepgres._count_messages(text) is
'Counts the messages of a pgmq queue, and returns when the first of them was sent.

The function is part of list_queues and list_channels.';
