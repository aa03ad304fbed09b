create function stepgres._pop_tickets(pgmq_queue text, capacity int) returns jsonb[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table text := 'q_' || pgmq_queue;
    v_setting text := stepgres._position_setting(pgmq_queue);
    v_position stepgres._queue_position := stepgres._position_in(pgmq_queue);
    v_now bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
    v_is_over boolean := v_position.next_after
        <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    v_is_search boolean := v_position.search_at <= v_now;
    v_lowest bigint;
    v_after bigint;
    v_tickets jsonb[];
begin
    -- This is pgmq.pop, from a message on. The lowest message counts although it is popped here or
    -- by another transaction, because that transaction may be rolled back.
    execute format(
        'with popped as (
            delete from pgmq.%1$I as q
            where q.msg_id = any (array(
                select m.msg_id from pgmq.%1$I as m
                where m.msg_id >= $1 and m.vt <= clock_timestamp()
                order by m.msg_id
                limit $2
                for update skip locked
            ))
            returning q.message
        )
        select
            (select array_agg(p.message) from popped as p),
            (select m.msg_id from pgmq.%1$I as m where m.msg_id >= $1 order by m.msg_id limit 1),
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint',
        v_table
    ) into v_tickets, v_lowest, v_after
    using case when v_is_search then 0 else v_position.first end, capacity;
    -- next was the lowest message once. The transactions that were under way then have ended, so
    -- below next there is only what this statement has seen.
    if v_is_over then
        v_position.first := v_position.next;
        v_position.next_after := null;
    end if;
    if v_lowest is not null then
        v_position.first := least(v_position.first, v_lowest);
        if v_position.next_after is null then
            v_position.next := v_lowest;
            v_position.next_after := v_after;
        end if;
    end if;
    -- A session that stops between the number of a message and its transaction id can be missed.
    -- So sometimes the search begins at the first message.
    if v_is_search then
        v_position.search_at := v_now + greatest(
            1000, (50 * (extract(epoch from clock_timestamp()) * 1000 - v_now))::bigint
        );
    end if;
    perform set_config(v_setting, v_position::text, false);
    return v_tickets;
end
$$;

comment on function stepgres._pop_tickets(text, int) is
'Deletes the oldest tickets of a pgmq queue, skips locked ones, and returns them.

This is pgmq.pop from a position on, which the session remembers: below it there are only dead
tickets. docs/internals.md says why ("A queue with many dead tickets").';
