create function stepgres._return_tickets(lane stepgres.queues) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rows tid[] := stepgres._pop_tasks(lane.pgmq_queue, 10000);
    v_tasks stepgres._new_task[] := array(
        select (t.run_id, t.step_slug, t.task_index, null)::stepgres._new_task
        from stepgres.tasks as t where t.ctid = any (v_rows)
    );
begin
    if v_tasks <> '{}' then
        perform stepgres._send_tickets(
            stepgres._open_queue(lane.queue, lane.priority, lane.resources), lane.queue, v_tasks,
            are_new => false
        );
    end if;
end
$$;

comment on function stepgres._return_tickets(stepgres.queues) is
'Sends the tickets of a lane to the pgmq queue beside it, where they are routed anew.';
