create function stepgres._closable_queues() returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- Plain queues stay in use: there are few of them, and each worker names its own. The second
    -- keeps a queue that is used all the time from being closed and opened all the time.
    select q.pgmq_queue from stepgres.queues as q
    where q.pgmq_queue like 'stepgres\_\_%' and not q.is_idle
        and q.needed_at <= stepgres._now() - interval '1 second'
$$;

comment on function stepgres._closable_queues() is
'Returns the pgmq queues that may be closed if they are empty.

These are queues of priorities, resources and lanes that got no ticket for a second.';
