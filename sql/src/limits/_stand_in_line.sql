create function stepgres._stand_in_line(tasks stepgres._new_task[], queue text, are_new boolean)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_tasks stepgres._new_task[] := _stand_in_line.tasks;
begin
    if are_new then
        insert into stepgres.tasks (run_id, step_slug, task_index, input, queued_at, is_limited)
        select n.run_id, n.step_slug, n.task_index, n.input, v_now, true
        from unnest(_stand_in_line.tasks) as n;
    else
        -- A task that another session has let in since the caller looked is left alone.
        with queued as (
            update stepgres.tasks as t
            set status = 'queued', queued_at = v_now, msg_id = null, lane = null, is_limited = true
            from unnest(_stand_in_line.tasks) with ordinality as n (
                run_id, step_slug, task_index, input, place
            )
            where (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
                and t.status in ('queued', 'waiting')
            returning n.*
        )
        select array_agg(
            (q.run_id, q.step_slug, q.task_index, q.input)::stepgres._new_task order by q.place
        )
        into v_tasks
        from queued as q;
    end if;
    -- Nobody else touches the entries of a locked run, except for those who let it in. They wait
    -- for nothing that the caller holds.
    insert into stepgres.line_entries as e (run_id, step_slug, task_index)
    select n.run_id, n.step_slug, n.task_index
    from unnest(v_tasks) with ordinality as n (run_id, step_slug, task_index, input, place)
    order by n.place
    on conflict (run_id, step_slug, task_index) do update set line_id = null, is_paused = false;
    if queue is not null and exists (
        select from stepgres.workers as w
        where w.is_waiting and _stand_in_line.queue = any (w.queues)
    ) then
        perform pg_notify(stepgres.wakeup_name(_stand_in_line.queue), '');
    end if;
end
$$;

comment on function stepgres._stand_in_line(stepgres._new_task[], text, boolean) is
'Queues tasks under limits: they stand in a line instead of a pgmq queue.

A task that stands there already keeps its place. Without a queue the executor of the run claims
them. The tasks are new, or (not are_new) they have a row.';
