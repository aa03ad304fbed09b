create function stepgres._find_channel(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
begin
    for v_attempt in 1 .. 10 loop
        select c.pgmq_queue into v_pgmq_queue
        from stepgres.channels as c
        where c.channel = _find_channel.channel;
        if not found then
            perform stepgres._check_channel(_find_channel.channel);
            return null;
        end if;
        begin
            -- nobody deletes the channel until this transaction ends: see delete_channel
            execute format('lock table pgmq.%I in access share mode', 'q_' || v_pgmq_queue);
            return v_pgmq_queue;
        exception when undefined_table then
            -- the channel was just deleted, and may have been made again
            if current_setting('transaction_isolation') <> 'read committed' then
                return null;  -- the snapshot does not show a new channel
            end if;
        end;
    end loop;
    return v_pgmq_queue;  -- somebody has dropped the queue without the channel
end
$$;

comment on function stepgres._find_channel(text) is
'Returns the pgmq queue of a channel, or null if nothing was ever sent to the channel.

The function is the only way from a channel to a queue, so that callers reach only the queues of
channels. The function is volatile, to see a channel that another transaction has just made or
deleted.';
