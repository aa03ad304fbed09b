create function stepgres._ensure_queue(queue text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from stepgres.queues as q where q.queue = _ensure_queue.queue) then
        return;
    end if;
    -- The prefix keeps a pgmq queue of the user's own from being mistaken for one of ours.
    insert into stepgres.queues (queue, pgmq_queue, created_at)
    values (_ensure_queue.queue, 'stepgres_' || _ensure_queue.queue, stepgres._now())
    on conflict do nothing;
    perform pgmq.create('stepgres_' || _ensure_queue.queue);
end
$$;

comment on function stepgres._ensure_queue(text) is
'Makes a queue, and the pgmq queue behind it, when it is first named.';
