create function stepgres.delete_channel(channel text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
declare
    v_until timestamptz := clock_timestamp() + interval '1 second';
    v_pgmq_queue text;
    v_last_id bigint;
begin
    perform stepgres._check_channel(delete_channel.channel);
    -- Ask again instead of waiting in the lock queue: transactions that use the channel, or make
    -- another channel, may wait for a transaction that queues behind this call.
    loop
        begin
            perform 1 from stepgres.locks as l where l.name = 'channels' for update nowait;
            select c.pgmq_queue into v_pgmq_queue
            from stepgres.channels as c
            where c.channel = delete_channel.channel;
            if found then
                execute format(
                    'lock table pgmq.%I in access exclusive mode nowait', 'q_' || v_pgmq_queue
                );
            end if;
            exit;
        exception when lock_not_available then
            if clock_timestamp() > v_until then
                raise;
            end if;
        end;
        perform pg_sleep(0.002);
    end loop;
    delete from stepgres.channels as c where c.channel = delete_channel.channel
    returning c.pgmq_queue into v_pgmq_queue;
    if not found then
        raise exception 'channel "%" does not exist', delete_channel.channel
            using errcode = 'SG021',
                hint = 'Nothing was ever sent to the channel, or nothing since it was deleted.';
    end if;
    -- A listener has a position: the ids of the next channel of this name must be behind it.
    execute format(
        'select last_value from %s',
        pg_get_serial_sequence(format('pgmq.%I', 'q_' || v_pgmq_queue), 'msg_id')
    )
    into v_last_id;
    perform setval('stepgres._deleted_ids', greatest(s.last_value, v_last_id))
    from stepgres._deleted_ids as s;
    perform pgmq.drop_queue(v_pgmq_queue);
    if delete_channel.channel = 'workflow_events'
        and exists (select from stepgres.workflow_versions as v where v.events <> 'none') then
        -- at once: see _create_version
        perform stepgres._make_channel(delete_channel.channel);
    end if;
exception when lock_not_available then
    raise exception 'channel "%" is in use', delete_channel.channel
        using errcode = 'SG022',
            hint = 'A transaction that has sent to the channel, read from it, or made a channel '
                'is still open: try again when the transaction has ended.';
end
$$;

comment on function stepgres.delete_channel(text) is
'Deletes a channel with all its messages, acknowledged or not.

Listeners go on listening: a message that is sent later makes the channel again, and is delivered.
The id of this message is higher than the ids of all messages before. Until then the channel is like
a channel that nothing was sent to. The channel workflow_events is made again at once if there are
workflows that send their events.

A transaction that uses the channel keeps it: the function waits for a second, then raises SG022.

Errors: SG016 not the name of a channel; SG021 there is no such channel; SG022 the channel is in
use.';
