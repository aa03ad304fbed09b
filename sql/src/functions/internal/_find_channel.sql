create function stepgres._find_channel(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
begin
    select c.pgmq_queue into v_pgmq_queue
    from stepgres.channels as c
    where c.channel = _find_channel.channel;
    if not found then
        perform stepgres._check_channel(_find_channel.channel);
    end if;
    return v_pgmq_queue;
end
$$;

comment on function stepgres._find_channel(text) is
'The pgmq queue of a channel, null if nothing was ever sent to it; the only way to a queue, so that none but those of
channels are reached. Volatile, to see a channel that another transaction has just made.';
