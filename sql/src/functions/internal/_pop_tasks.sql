create function stepgres._pop_tasks(queue text, capacity int) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text;
    v_tickets jsonb[];
    v_rows tid[];
begin
    select q.pgmq_queue into v_pgmq_queue from stepgres.queues as q where q.queue = _pop_tasks.queue;
    -- The ticket is deleted in the transaction that starts the task: nothing in flight is left in
    -- the queue. In a statement of its own, so that the next one sees the task of every ticket.
    select array_agg(m.message) into v_tickets from pgmq.pop(v_pgmq_queue, _pop_tasks.capacity) as m;
    -- skip locked: a run that is being cancelled holds its tasks, and waiting here could deadlock
    v_rows := array(
        select t.ctid
        from unnest(v_tickets) as m (ticket)
        join stepgres.tasks as t
            on t.run_id = (m.ticket ->> 'run_id')::uuid and t.step_slug = m.ticket ->> 'step_slug'
            and t.task_index = (m.ticket ->> 'task_index')::int
        where t.status = 'queued'
        for no key update of t skip locked
    );
    if cardinality(v_rows) < cardinality(v_tickets) then
        perform stepgres._return_tickets(v_pgmq_queue, v_tickets, v_rows);
    end if;
    return v_rows;
end
$$;

comment on function stepgres._pop_tasks(text, int) is
'Pops tickets of a queue and locks their tasks; a ticket whose task is not queued any more is dropped.';
