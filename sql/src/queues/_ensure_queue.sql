create function stepgres._ensure_queue(
    queue text, priority int, resources jsonb, lane jsonb default '{}'
) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_plain boolean := priority = 0 and resources = '{}' and lane = '{}';
    v_pgmq_queue text;
    v_holder stepgres.queues;
begin
    v_pgmq_queue := stepgres._find_queue(
        _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, _ensure_queue.lane
    );
    if v_pgmq_queue is not null then
        return v_pgmq_queue;
    end if;
    -- A transaction that needs several new queues makes all of them before the next transaction
    -- makes any. Otherwise two transactions that need the same queues could wait for each other.
    perform 1 from stepgres.locks as l where l.name = 'queues' for update;
    -- The transaction before may have made the queue. pgmq.create would lock its table, and wait
    -- for transactions that have sent to it and now wait for this one.
    v_pgmq_queue := stepgres._find_queue(
        _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, _ensure_queue.lane
    );
    if v_pgmq_queue is not null then
        return v_pgmq_queue;
    end if;
    -- The prefix tells our pgmq queues from pgmq queues of the user. No name of a queue begins with
    -- an underscore, and no hash of a channel has a q.
    v_pgmq_queue := case
        when v_is_plain then 'stepgres_' || _ensure_queue.queue::stepgres.queue
        else 'stepgres__q' || left(encode(sha256(convert_to(jsonb_build_array(
            _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, _ensure_queue.lane
        )::text, 'utf8')), 'hex'), 36)
    end;
    select q.* into v_holder from stepgres.queues as q where q.pgmq_queue = v_pgmq_queue;
    if not found then
        if lane = '{}' and (
            select count(*) from stepgres.queues as q
            where q.queue = _ensure_queue.queue and q.lane = '{}'
        ) >= 500 then
            raise exception 'queue "%" has 500 combinations of a priority and resources already',
                _ensure_queue.queue
                using errcode = 'SG003', hint = 'Use fewer priorities, and resources for kinds of '
                    'workers only: each combination is a pgmq queue. Combinations that nothing '
                    'needs any more are dropped after ten minutes.';
        end if;
        insert into stepgres.queues (
            pgmq_queue, queue, priority, resources, lane, is_idle, needed_at, created_at
        )
        values (
            v_pgmq_queue, _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources,
            _ensure_queue.lane, not v_is_plain, stepgres._now(), stepgres._now()
        );
        -- The update also runs if has_lanes is true: its lock keeps _drop_queue from making
        -- has_lanes false.
        update stepgres.queues as q set has_lanes = true
        where (q.queue, q.priority, q.resources, q.lane)
            = (_ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, '{}')
            and _ensure_queue.lane <> '{}';
    elsif (v_holder.queue, v_holder.priority, v_holder.resources, v_holder.lane)
        <> (
            _ensure_queue.queue, _ensure_queue.priority, _ensure_queue.resources, _ensure_queue.lane
        ) then
        raise exception 'pgmq queue "%" of queue "%" belongs to queue "%"',
            v_pgmq_queue, _ensure_queue.queue, v_holder.queue
            using errcode = 'SG003', hint = 'Choose another name for the queue.';
    end if;
    perform pgmq.create(v_pgmq_queue);
    return v_pgmq_queue;
end
$$;

comment on function stepgres._ensure_queue(text, int, jsonb, jsonb) is
'Returns the pgmq queue for a queue, priority, resources and lane, and makes it if it is missing.

A pgmq queue is missing until the four are first named together, and after it was dropped.';
