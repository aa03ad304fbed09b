create function stepgres._close_queues() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Plain queues stay in use: there are few of them, and each worker names its own. The second
    -- keeps a queue that is used all the time from being closed and opened all the time.
    perform stepgres._close_queue(q.pgmq_queue) from stepgres.queues as q
    where q.pgmq_queue like 'stepgres\_\_%' and not q.is_idle
        and q.needed_at <= stepgres._now() - interval '1 second';
end
$$;

comment on function stepgres._close_queues() is
'Marks empty pgmq queues as idle, so that workers no longer look into them.

So a turn costs as much as there is to claim, however many queues there are.';
