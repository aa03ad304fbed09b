create function stepgres._closable_queues() returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- Plain queues stay in use; there are few, and each worker names its own. A second, so that one
    -- which is used all the time is not closed and opened all the time.
    select q.pgmq_queue from stepgres.queues as q
    where q.pgmq_queue like 'stepgres\_\_%' and not q.is_idle
        and q.needed_at <= stepgres._now() - interval '1 second'
$$;

comment on function stepgres._closable_queues() is
'The pgmq queues of priorities, resources and lanes that nothing was sent to for a second, if they are empty.';
