create function stepgres._message_ids(pgmq_queue text, ids int8multirange, "limit" int default null)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_ids bigint[];
begin
    -- An acknowledged message is in the archive. Each part has a limit of its own: otherwise
    -- PostgreSQL would sort the whole part.
    execute format(
        'select array(
             select m.msg_id from unnest($1) as r (ids)
             cross join lateral (
                 (
                     select q.msg_id from pgmq.%1$I as q
                     where q.msg_id >= lower(r.ids)
                         and q.msg_id < coalesce(upper(r.ids), 9223372036854775807)
                     order by q.msg_id limit $2
                 )
                 union all
                 (
                     select a.msg_id from pgmq.%2$I as a
                     where a.msg_id >= lower(r.ids)
                         and a.msg_id < coalesce(upper(r.ids), 9223372036854775807)
                     order by a.msg_id limit $2
                 )
             ) as m
             order by m.msg_id limit $2
         )',
        'q_' || _message_ids.pgmq_queue, 'a_' || _message_ids.pgmq_queue
    ) into v_ids using _message_ids.ids, _message_ids."limit";
    return v_ids;
end
$$;

comment on function stepgres._message_ids(text, int8multirange, int) is
'Returns which of these ids exist by now, the lowest first; acknowledged messages count.';
