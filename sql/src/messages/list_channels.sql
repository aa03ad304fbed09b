create function stepgres.list_channels() returns setof stepgres.channel_info
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_channel stepgres.channels;
    v_info stepgres.channel_info;
begin
    for v_channel in select c.* from stepgres.channels as c order by c.channel loop
        v_info.channel := v_channel.channel;
        v_info.created_at := v_channel.created_at;
        execute format('select count(*), min(enqueued_at) from pgmq.%I', 'q_' || v_channel.pgmq_queue)
            into v_info.messages, v_info.oldest_at;
        return next v_info;
    end loop;
end
$$;

comment on function stepgres.list_channels() is
'The channels by name, each with the number of its messages that nobody has acknowledged, and when the first was sent.';
