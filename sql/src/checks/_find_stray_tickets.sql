create function stepgres._find_stray_tickets() returns setof stepgres.fsck_violation
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
begin
    for v_pgmq_queue in
        select q.pgmq_queue from stepgres.queues as q
        where to_regclass('pgmq.q_' || q.pgmq_queue) is not null
    loop
        return query execute format(
            'select case when r.run_id is null then %L else %L end, r.run_id,
                 format(''message %%s in %%s'', m.msg_id, %L)
             from pgmq.%I as m
             left join stepgres.runs as r on r.run_id::text = m.message ->> ''run_id''
             where r.status is distinct from ''started''',
            'a message in a queue is the ticket of a run',
            'a finished run has no ticket in a queue', v_pgmq_queue, 'q_' || v_pgmq_queue
        );
    end loop;
end
$$;

comment on function stepgres._find_stray_tickets() is
'Returns tickets in queues whose run is over, and messages that are no tickets: part of fsck.';
