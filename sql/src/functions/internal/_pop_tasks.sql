create function stepgres._pop_tasks(pgmq_queue text, capacity int) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tickets jsonb[];
begin
    -- The ticket is deleted in the transaction that starts the task: nothing in flight is left in
    -- the queue. In a statement of its own, so that the next one sees the task of every ticket, and
    -- casts none of what somebody else has sent to the queue: that is dropped.
    select array_agg(m.message) filter (
        where m.message ->> 'run_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            and m.message ->> 'task_index' ~ '^[0-9]{1,9}$'
    ) into v_tickets
    from pgmq.pop(_pop_tasks.pgmq_queue, _pop_tasks.capacity) as m;
    if v_tickets is null then
        return '{}';
    end if;
    -- skip locked: whoever ends a run holds its tasks, and waiting here could deadlock. Such a ticket
    -- is dropped, as is one whose task is not queued any more; tick() replaces a ticket that was lost.
    return array(
        select t.ctid
        from unnest(v_tickets) as m (ticket)
        join stepgres.tasks as t
            on t.run_id = (m.ticket ->> 'run_id')::uuid and t.step_slug = m.ticket ->> 'step_slug'
            and t.task_index = (m.ticket ->> 'task_index')::int
        where t.status = 'queued'
        for no key update of t skip locked
    );
end
$$;

comment on function stepgres._pop_tasks(text, int) is
'Pops tickets of a queue and locks their tasks.';
