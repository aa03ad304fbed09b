create function stepgres.get_message(channel text, message_id text) returns setof stepgres.message
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.* from stepgres._read_history(
        get_message.channel,
        int8range(
            stepgres._message_number(get_message.message_id),
            stepgres._message_number(get_message.message_id), '[]'
        ),
        1, false
    ) as m
    where stepgres._message_number(get_message.message_id) is not null
$$;

comment on function stepgres.get_message(text, text) is
'Returns a message of a channel, acknowledged or not; no row if the id does not exist.

Errors: SG016 not the name of a channel; SG026 the caller was not given the channel.';
