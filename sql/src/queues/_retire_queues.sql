create function stepgres._retire_queues(names text[] default null) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_unneeded text[];
    v_queue stepgres.queues;
begin
    -- Wait ten minutes, so that a queue that is needed every minute is not dropped and made again.
    if names is null and not exists (
        select from stepgres.queues as q where q.needed_at <= v_now - interval '10 minutes'
    ) then
        return;
    end if;
    v_unneeded := array(select u.pgmq_queue from stepgres._unneeded_queues() as u);
    update stepgres.queues as q set needed_at = v_now
    where q.pgmq_queue = any (array(
        select o.pgmq_queue from stepgres.queues as o
        where o.needed_at <= v_now - interval '10 minutes' and o.pgmq_queue <> all (v_unneeded)
        for no key update skip locked
    ));
    for v_queue in
        select q.* from stepgres.queues as q
        where q.pgmq_queue = any (v_unneeded) and case
            when names is null then q.needed_at <= v_now - interval '10 minutes'
            else q.queue = any (_retire_queues.names)
        end
        -- skip locked: a locked queue is in use.
        for update skip locked
    loop
        if v_queue.is_idle or not exists (
            select from stepgres.workers as w where v_queue.queue = any (w.queues)
        ) then
            perform stepgres._drop_queue(v_queue);
        elsif stepgres._close_queue(v_queue.pgmq_queue) then
            -- A worker may be about to look into the queue now, but none will be at the next tick.
            update stepgres.queues as q set needed_at = '-infinity'
            where q.pgmq_queue = v_queue.pgmq_queue;
        end if;
    end loop;
end
$$;

comment on function stepgres._retire_queues(text[]) is
'Drops the empty queues that nothing has needed for ten minutes.

With names, it drops the empty queues of these names that nothing needs now.';
