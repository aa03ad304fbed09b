create function stepgres.send_with_notify(channel text, message jsonb) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._find_channel(send_with_notify.channel);
    v_size int := octet_length(send_with_notify.message::text);
    v_message_id text;
begin
    if v_size is null then
        raise exception 'a message to channel "%" must not be null', send_with_notify.channel
            using errcode = 'SG003', hint = 'Pass any JSON value: ''null''::jsonb is one.';
    elsif v_size > 2000000 then
        raise exception 'a message of % bytes is too large for channel "%"',
            v_size, send_with_notify.channel
            using errcode = 'SG017',
                hint = 'A message has up to 2,000,000 bytes as text: '
                    'store the rest elsewhere, and send its key.';
    end if;
    v_pgmq_queue := coalesce(v_pgmq_queue, stepgres._make_channel(send_with_notify.channel));
    select s::text into v_message_id from pgmq.send(v_pgmq_queue, send_with_notify.message) as s;
    perform pg_notify(stepgres._messages_name(send_with_notify.channel), '');
    return v_message_id;
end
$$;

comment on function stepgres.send_with_notify(text, jsonb) is
'Sends a message to a channel and returns its id: stores it, and notifies listeners at commit.

A rollback stores and notifies nothing. The first message makes the channel: see create_channel. A
message is any JSON value of up to 2,000,000 bytes as text. Every listener gets the message; of the
callers of read_messages, only one gets it.

Errors: SG003 null; SG016 not the name of a channel; SG017 too large.';
