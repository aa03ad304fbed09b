create function stepgres._first_position(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._readable_channel(_first_position.channel);
    v_until timestamptz := clock_timestamp() + interval '50 ms';
    v_last_id bigint;
    v_senders text[];
    v_missing int8multirange;
begin
    if v_pgmq_queue is null then
        return '0';
    end if;
    execute format(
        'select greatest(
             (select max(q.msg_id) from pgmq.%I as q), (select max(a.msg_id) from pgmq.%I as a), 0
         )',
        'q_' || v_pgmq_queue, 'a_' || v_pgmq_queue
    ) into v_last_id;
    -- Transactions that are sending now may have taken lower ids. Nearly always they end before
    -- this short wait is over: then their messages were sent before the position.
    v_senders := stepgres._senders(v_pgmq_queue);
    while cardinality(v_senders) > 0 and clock_timestamp() < v_until loop
        perform pg_sleep(0.002);
        v_senders := array(
            select s.sender from unnest(v_senders) as s (sender)
            where s.sender = any (stepgres._senders(v_pgmq_queue))
        );
    end loop;
    if cardinality(v_senders) = 0 then
        return v_last_id::text;
    end if;
    execute format(
        'select range_agg(int8range(m.previous + 1, m.msg_id))
         from (
             select o.msg_id, lag(o.msg_id, 1, 0::bigint) over (order by o.msg_id) as previous
             from (
                 select msg_id from pgmq.%1$I union all select msg_id from pgmq.%2$I
                 union all select $1 + 1
             ) as o
             where o.msg_id <= $1 + 1
         ) as m
         where m.msg_id > m.previous + 1',
        'q_' || v_pgmq_queue, 'a_' || v_pgmq_queue
    ) into v_missing using v_last_id;
    return stepgres._position_text(
        v_last_id, array[row(coalesce(v_missing, '{}'), v_senders)::stepgres._gap]
    );
end
$$;

comment on function stepgres._first_position(text) is
'Returns the position behind all visible messages of a channel.

The position has gaps for the messages that a long transaction has sent and not yet committed.';
