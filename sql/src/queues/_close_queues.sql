create function stepgres._close_queues() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Plain queues stay in use; there are few, and each worker names its own. A second, so that one
    -- which is used all the time is not closed and opened all the time.
    perform stepgres._close_queue(q.pgmq_queue) from stepgres.queues as q
    where q.pgmq_queue like 'stepgres\_\_%' and not q.is_idle
        and q.needed_at <= stepgres._now() - interval '1 second';
end
$$;

comment on function stepgres._close_queues() is
'Lets workers no longer look into pgmq queues that are empty: a turn costs what there is to claim,
however many queues there are.';
