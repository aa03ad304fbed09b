create function stepgres.acknowledge(channel text, message_id text) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._readable_channel(acknowledge.channel);
    v_msg_id bigint := stepgres._message_number(acknowledge.message_id);
begin
    return v_pgmq_queue is not null and v_msg_id is not null and pgmq.archive(v_pgmq_queue, v_msg_id);
end
$$;

comment on function stepgres.acknowledge(text, text) is
'Says that a message is dealt with: read_messages does not return it any more. False if there is no such message, or if it
was acknowledged already.

It stays in message_history until prune_messages deletes it.

Errors: SG016 not the name of a channel; SG026 the caller was not given the channel.';
