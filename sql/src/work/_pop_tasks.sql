create function stepgres._pop_tasks(pgmq_queue text, capacity int) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tickets jsonb[];
    v_tasks stepgres._task_key[];
begin
    -- The transaction that starts the task deletes its ticket, so the queue keeps no ticket in
    -- flight. The tickets are popped before the next statement, which sees the task of each.
    v_tickets := stepgres._pop_tickets(pgmq_queue, capacity);
    begin
        v_tasks := stepgres._tickets_to_tasks(v_tickets);
    exception when data_exception then
        -- Drop messages that are no tickets; somebody else has sent them.
        v_tasks := stepgres._tickets_to_tasks(array(
            select m from unnest(v_tickets) as m
            where m ->> 'run_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                and m ->> 'task_index' ~ '^[0-9]{1,9}$'
        ));
    end;
    if v_tasks is null then
        return '{}'::tid[];
    end if;
    -- skip locked: a transaction that ends a run holds its tasks, and waiting here could deadlock.
    -- The ticket of a locked task is dropped, and so is the ticket of a task that is not queued any
    -- more. tick() replaces lost tickets.
    return array(
        select t.ctid
        from unnest(v_tasks) as m
        join stepgres.tasks as t
            on t.run_id = m.run_id and t.step_slug = m.step_slug and t.task_index = m.task_index
        where t.status = 'queued'
        for no key update of t skip locked
    );
end
$$;

comment on function stepgres._pop_tasks(text, int) is
'Pops tickets of a pgmq queue and locks their tasks.';
