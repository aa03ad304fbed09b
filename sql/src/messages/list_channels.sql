create function stepgres.list_channels(
    most int default null,
    "limit" int default null,
    after text default null,
    channel text default null
) returns setof stepgres.channel_info
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select c.channel, m.messages, m.oldest_at, c.created_at
    from (
        select o.* from stepgres.channels as o
        where o.channel > coalesce(list_channels.after, '')
            and o.channel = coalesce(list_channels.channel, o.channel)
        order by o.channel
        limit stepgres._not_negative(list_channels."limit", 'limit')
    ) as c
    cross join lateral stepgres._count_messages(c.pgmq_queue, list_channels.most) as m
    order by c.channel
$$;

comment on function stepgres.list_channels(int, int, text, text) is
'Lists the channels by name, or one channel, with the messages that nobody has acknowledged.

Each row has the number of these messages, at most most, and when the first of them was sent. To
page, pass a limit, and the channel of the last row as after.

Errors: SG014 a negative most or limit.';
