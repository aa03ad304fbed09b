create function stepgres.list_channels(most int default null) returns setof stepgres.channel_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select c.channel, m.messages, m.oldest_at, c.created_at
    from stepgres.channels as c
    cross join lateral stepgres._count_messages(c.pgmq_queue, list_channels.most) as m
    order by c.channel
$$;

comment on function stepgres.list_channels(int) is
'Lists the channels by name, with the messages that nobody has acknowledged.

Each row has the number of these messages, at most most, and when the first of them was sent.

Errors: SG014 a negative most.';
