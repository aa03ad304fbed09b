create function stepgres._return_tickets(pgmq_queue text, tickets jsonb[], claimed tid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Whoever holds such a task may still roll back. If it does not, the ticket is dropped next time.
    perform pgmq.send_batch(_return_tickets.pgmq_queue, array_agg(m.ticket))
    from unnest(_return_tickets.tickets) as m (ticket)
    join stepgres.tasks as t
        on t.run_id = (m.ticket ->> 'run_id')::uuid and t.step_slug = m.ticket ->> 'step_slug'
        and t.task_index = (m.ticket ->> 'task_index')::int
    where t.status = 'queued' and t.ctid <> all (_return_tickets.claimed)
    having count(*) > 0;
end
$$;

comment on function stepgres._return_tickets(text, jsonb[], tid[]) is
'Sends popped tickets back whose tasks are queued, but were locked by somebody else.';
