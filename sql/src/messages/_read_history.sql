create function stepgres._read_history(
    channel text, ids int8range, "limit" int, newest_first boolean
) returns setof stepgres.message
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._readable_channel(_read_history.channel);
    v_ids int8range := _read_history.ids * '[1, 9223372036854775807)';
begin
    if v_pgmq_queue is null or isempty(v_ids) then
        return;
    end if;
    return query execute format(
        'select m.msg_id::text, m.message, m.enqueued_at, m.read_ct, m.vt, m.archived_at
         from (
             (
                 select q.msg_id, q.message, q.enqueued_at, q.read_ct, q.vt,
                     null::timestamptz as archived_at
                 from pgmq.%1$I as q
                 where q.msg_id >= $1 and q.msg_id < $2 order by q.msg_id %3$s limit $3
             )
             union all
             (
                 select a.msg_id, a.message, a.enqueued_at, a.read_ct, a.vt, a.archived_at
                 from pgmq.%2$I as a
                 where a.msg_id >= $1 and a.msg_id < $2 order by a.msg_id %3$s limit $3
             )
         ) as m
         order by m.msg_id %3$s limit $3',
        'q_' || v_pgmq_queue, 'a_' || v_pgmq_queue,
        case when _read_history.newest_first then 'desc' else 'asc' end
    ) using lower(v_ids), upper(v_ids), _read_history."limit";
end
$$;

comment on function stepgres._read_history(text, int8range, int, boolean) is
'Returns the messages of a channel with these ids, acknowledged or not, in order.';
