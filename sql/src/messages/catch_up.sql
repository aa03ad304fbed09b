create function stepgres.catch_up(
    channel text, after text, "limit" int default 100, patience interval default '50 milliseconds'
) returns setof stepgres.new_message
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._readable_channel(catch_up.channel);
    v_position stepgres._position := stepgres._parse_position(catch_up.after);
    v_until timestamptz;
    v_senders text[];
    v_ids bigint[] := '{}'::bigint[];
    v_new_ids bigint[];
    v_missing int8multirange;
    v_delivered int8multirange := '{}'::int8multirange;
    v_size int := 0;
    v_message stepgres.new_message;
begin
    perform stepgres._need_fresh_snapshots();
    perform stepgres._check_limit(catch_up."limit");
    if patience not between interval '0' and interval '1 day' then
        raise exception 'patience % is not between 0 and a day', catch_up.patience
            using errcode = 'SG003',
                hint = 'Pass the time to wait for messages that others are about to commit.';
    end if;
    v_until := clock_timestamp() + coalesce(catch_up.patience, '0');
    if v_pgmq_queue is null then
        return;
    end if;
    -- The order is essential: look for senders first, then read messages. See _senders.
    if cardinality(v_position.gaps) > 0 then
        v_senders := stepgres._senders(v_pgmq_queue);
        v_ids := stepgres._message_ids(
            v_pgmq_queue, (select range_agg(g.ids) from unnest(v_position.gaps) as g)
        );
        v_position.gaps := stepgres._remaining_gaps(
            v_position.gaps, v_senders, stepgres._to_multirange(v_ids)
        );
        v_senders := null;
    end if;
    v_new_ids := stepgres._message_ids(
        v_pgmq_queue, int8multirange(int8range(v_position.last_id, null, '()')), catch_up."limit"
    );
    v_missing := int8multirange(
        int8range(
            v_position.last_id,
            coalesce(v_new_ids[cardinality(v_new_ids)], v_position.last_id),
            '(]'
        )
    ) - stepgres._to_multirange(v_new_ids);

    -- Transactions take ids in one order and commit in another: wait a moment for the lower ids.
    while not isempty(v_missing) loop
        v_senders := array(
            select s.sender from unnest(stepgres._senders(v_pgmq_queue)) as s (sender)
            where v_senders is null or s.sender = any (v_senders)
        );
        v_new_ids := v_new_ids || stepgres._message_ids(v_pgmq_queue, v_missing);
        v_missing := v_missing - stepgres._to_multirange(v_new_ids);
        if cardinality(v_senders) = 0 then
            v_missing := '{}'::int8multirange;  -- rolled back, or pruned
        end if;
        exit when clock_timestamp() >= v_until;
        perform pg_sleep(0.002);
    end loop;

    for v_message in execute format(
        'select q.msg_id, q.message, q.enqueued_at, null from pgmq.%I as q where q.msg_id = any ($1)
         union all
         select a.msg_id, a.message, a.enqueued_at, null from pgmq.%I as a where a.msg_id = any ($1)
         order by 1 limit $2',
        'q_' || v_pgmq_queue, 'a_' || v_pgmq_queue
    ) using v_ids || v_new_ids, catch_up."limit"
    loop
        v_message.position := v_message.message_id;
        if cardinality(v_position.gaps) > 0 or not isempty(v_missing) then
            v_delivered := v_delivered
                + stepgres._to_multirange(array[v_message.message_id::bigint]);
            v_message.position := stepgres._position_after(
                v_position, v_missing, v_senders, v_delivered
            );
        end if;
        return next v_message;
        -- a slow client gets megabytes in several answers
        v_size := v_size + octet_length(v_message.message::text);
        exit when v_size > 2000000;
    end loop;
end
$$;

comment on function stepgres.catch_up(text, text, int, interval) is
'Returns the messages of a channel behind a position, acknowledged or not.

A call returns up to limit messages, each with the position behind it. listen returns the first
position. Call the function again with the position of the last message until it returns nothing,
then wait for a notification. So each message that is committed after listen returned is returned
exactly once.

The messages come in the order of their ids, with one exception. A long transaction may commit a
message more than patience after messages with higher ids. Such a message comes after them: the
function does not wait for it, and does not lose it. A position is the id of a message, or a longer
text while such transactions go on.

The function returns nothing if nothing was sent yet, and about 2 MB at a time.

Errors: SG003 not a position, a limit below 1, a patience below 0 or above a day, a transaction that
does not see what others commit; SG016 not the name of a channel; SG026 the caller was not given
the channel.';
