create function stepgres._ensure_queue(queue text, priority int, resources jsonb) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- The prefix keeps a pgmq queue of the user's own from being mistaken for one of ours.
    v_pgmq_queue text := 'stepgres_' || _ensure_queue.queue;
begin
    if _ensure_queue.priority <> 0 or _ensure_queue.resources <> '{}' then
        v_pgmq_queue := format(
            'stepgres_%s_%s', left(_ensure_queue.queue, 25),
            left(md5(format('%s %s %s', _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources)), 12)
        );
    end if;
    if exists (select from stepgres.queues as q where q.pgmq_queue = v_pgmq_queue) then
        return;
    end if;
    -- Who needs several new queues makes all of them before the next one makes any, or two that need the
    -- same could wait for each other.
    perform 1 from stepgres.locks as l where l.name = 'queues' for update;
    insert into stepgres.queues (pgmq_queue, queue, priority, resources, created_at)
    values (
        v_pgmq_queue, _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, stepgres._now()
    )
    on conflict (pgmq_queue) do nothing;
    if found then
        perform pgmq.create(v_pgmq_queue);
    end if;
end
$$;

comment on function stepgres._ensure_queue(text, int, jsonb) is
'The pgmq queue for a queue, priority and resources, made when they are first named together.';
