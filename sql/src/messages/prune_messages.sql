create function stepgres.prune_messages(
    channel text, older_than interval, unacknowledged boolean default false,
    batch_size int default 1000
) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._find_channel(prune_messages.channel);
    v_before timestamptz := stepgres._ago(prune_messages.older_than);
    v_deleted int := 0;
    v_more int := 0;
begin
    if v_before is null or older_than < interval '0' or batch_size is null or batch_size < 1 then
        raise exception 'prune_messages needs an age of at least 0 and a batch_size of at least 1'
            using errcode = 'SG003',
                hint = 'prune_messages(''orders'', ''30 days'') deletes up to 1,000 messages: '
                    'call it again until it returns 0.';
    end if;
    if v_pgmq_queue is null then
        return 0;
    end if;
    execute format(
        'delete from pgmq.%1$I where msg_id in (
             select a.msg_id from pgmq.%1$I as a where a.archived_at <= $1
             order by a.archived_at limit $2 for update skip locked
         )', 'a_' || v_pgmq_queue
    ) using v_before, prune_messages.batch_size;
    get diagnostics v_deleted = row_count;
    if prune_messages.unacknowledged then
        -- Search from the lowest id, where the oldest messages are: their age has no index.
        execute format(
            'delete from pgmq.%1$I where msg_id in (
                 select o.msg_id from (
                     select q.msg_id, q.enqueued_at from pgmq.%1$I as q
                     order by q.msg_id limit $2 for update skip locked
                 ) as o
                 where o.enqueued_at <= $1
             )', 'q_' || v_pgmq_queue
        ) using v_before, prune_messages.batch_size - v_deleted;
        get diagnostics v_more = row_count;
    end if;
    return v_deleted + v_more;
end
$$;

comment on function stepgres.prune_messages(text, interval, boolean, int) is
'Deletes up to batch_size messages acknowledged longer than older_than ago; returns their number.

Call the function again until it returns 0. With unacknowledged it also deletes messages that were
sent longer than older_than ago and never acknowledged: use this for channels that are only listened
on. A listener that is so far behind does not get the deleted messages.

Errors: SG003 no age, or a batch_size below 1; SG016 not the name of a channel.';
