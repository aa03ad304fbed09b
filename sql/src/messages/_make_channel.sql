create function stepgres._make_channel(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Two underscores: the queue of a workflow's tasks has a letter in place of the second one.
    v_pgmq_queue text := 'stepgres__' || md5(_make_channel.channel);
    v_last_id bigint;
begin
    -- Only one transaction at a time makes channels. With a lock for each channel, two transactions
    -- that make the same two channels in different order would wait for each other.
    perform 1 from stepgres.locks as l where l.name = 'channels' for update;
    insert into stepgres.channels (channel, pgmq_queue, created_at)
    values (_make_channel.channel, v_pgmq_queue, stepgres._now())
    on conflict on constraint channels_pkey do nothing;
    if found then
        perform pgmq.create(v_pgmq_queue);
        -- every client may also list the runs that workflow_events reports on
        insert into stepgres.channel_readers (channel, role)
        values (
            _make_channel.channel,
            case _make_channel.channel
                when 'workflow_events' then 'public'
                else stepgres._caller()
            end
        );
        -- Somebody may still listen on a deleted channel of this name: its ids must be lower.
        select s.last_value into v_last_id from stepgres._deleted_ids as s;
        if v_last_id > 0 then
            execute format(
                'alter table pgmq.%I alter msg_id restart with %s',
                'q_' || v_pgmq_queue, v_last_id + 1
            );
        end if;
    end if;
    return v_pgmq_queue;
end
$$;

comment on function stepgres._make_channel(text) is
'Makes a channel, unless another transaction has just made it, and returns its pgmq queue.';
