create function stepgres._delay_tasks(tasks stepgres._new_task[], delays interval[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if tasks is null then
        return;
    end if;
    insert into stepgres.tasks (run_id, step_slug, task_index, status, input, queued_at)
    select n.run_id, n.step_slug, n.task_index, 'waiting', n.input, v_now
    from unnest(_delay_tasks.tasks) as n;
    insert into stepgres.timers (run_id, step_slug, task_index, due_at)
    select n.run_id, n.step_slug, n.task_index, v_now + n.delay
    from rows from (unnest(_delay_tasks.tasks), unnest(_delay_tasks.delays)) as n (
        run_id, step_slug, task_index, input, delay
    );
end
$$;

comment on function stepgres._delay_tasks(stepgres._new_task[], interval[]) is
'Lets the first tasks of steps wait for the start_delay or start_at of their steps.';
