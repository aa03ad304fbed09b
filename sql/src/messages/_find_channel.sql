create function stepgres._find_channel(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
begin
    -- Until this transaction ends nobody deletes the channel: see delete_channel.
    perform pg_advisory_xact_lock_shared(29547, hashtext(_find_channel.channel));
    select c.pgmq_queue into v_pgmq_queue
    from stepgres.channels as c
    where c.channel = _find_channel.channel;
    if not found then
        perform stepgres._check_channel(_find_channel.channel);
    elsif current_setting('transaction_isolation') <> 'read committed'
        and to_regclass(format('pgmq.%I', 'q_' || v_pgmq_queue)) is null then
        return null;  -- it was deleted, which the snapshot does not show
    end if;
    return v_pgmq_queue;
end
$$;

comment on function stepgres._find_channel(text) is
'The pgmq queue of a channel, null if nothing was ever sent to it; the only way to a queue, so that none but those of
channels are reached. Volatile, to see a channel that another transaction has just made, or deleted.';
