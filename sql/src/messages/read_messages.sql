create function stepgres.read_messages(
    channel text, "limit" int default 1, visibility_timeout interval default '30 seconds'
) returns setof stepgres.message
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._readable_channel(read_messages.channel);
begin
    perform stepgres._check_limit(read_messages."limit");
    if (
        read_messages.visibility_timeout between interval '0' and interval '1 year'
    ) is not true then
        raise exception 'visibility_timeout % is not between 0 and a year',
            coalesce(read_messages.visibility_timeout::text, 'null')
            using errcode = 'SG003',
                hint = 'Pass the time within which the message will be acknowledged.';
    end if;
    if v_pgmq_queue is null then
        return;
    end if;
    return query
    select m.msg_id::text, m.message, m.enqueued_at, m.read_ct, m.vt, null::timestamptz
    from pgmq.read(
        v_pgmq_queue, ceil(extract(epoch from read_messages.visibility_timeout))::int,
        coalesce(read_messages."limit", 2147483647)
    ) as m
    order by m.msg_id;
end
$$;

comment on function stepgres.read_messages(text, int, interval) is
'Takes up to limit messages of a channel, the oldest first, for the caller to process.

No other reader gets these messages until the visibility_timeout is over. Acknowledge the messages
that are processed. A message that is not acknowledged comes again, with a higher read_count, to
this reader or another one. The timeout is rounded up to whole seconds. A channel to which nothing
was sent returns no row.

Errors: SG003 a limit below 1, a timeout below 0 or above a year; SG016 not the name of a channel;
SG026 the caller was not given the channel.';
