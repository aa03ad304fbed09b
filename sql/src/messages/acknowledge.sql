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
    return v_pgmq_queue is not null and v_msg_id is not null
        and pgmq.archive(v_pgmq_queue, v_msg_id);
end
$$;

comment on function stepgres.acknowledge(text, text) is
'Acknowledges a message: read_messages does not return it again.

The function returns false if the message does not exist, or was already acknowledged. An
acknowledged message stays in message_history until prune_messages deletes it.

Errors: SG016 not the name of a channel; SG026 the caller was not given the channel.';
