create function stepgres.why_stuck(run_id uuid) returns setof stepgres.stuck_step
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(why_stuck.run_id);
begin
    return query
    select l.step_slug, l.task_index, l.waits_for, l.detail, l.until
    from (
        select * from stepgres._steps_waiting(v_run)
        union all
        select * from stepgres._tasks_waiting(v_run)
        union all
        select * from stepgres._waits_open(v_run)
    ) as l
    -- offset 0: the statistics may be older than a workflow with many steps
    cross join lateral (
        select o.step_index from stepgres.steps as o
        where (o.workflow_slug, o.version, o.step_slug)
            = (v_run.workflow_slug, v_run.version, l.step_slug)
        offset 0
    ) as s
    order by s.step_index, l.task_index nulls first, l.detail;
end
$$;

comment on function stepgres.why_stuck(uuid) is
'Returns what each unfinished step of a run waits for, in topological order.

The function returns no row if the run has ended. waits_for is one of:
dependency (a step that has not finished),
start (the start of a delayed run, at until, or the end of the run with the same unique_key),
sleep (the time at which the body of a durable step goes on, at until),
child (the end of a child run: call why_stuck for that run),
signal (a call of send_signal or send_signal_by_key, or the timeout of the wait at until),
approval (a call of approve or reject, or the timeout of the wait at until),
timer (the next attempt, the end of a start_delay, a start_at, or the end of the time for which a
worker has given the task back, at until),
pause (a call of resume_workflow_run, or of resume_queue: detail says what is paused),
limit (the run or task stands in a line for room under a limit),
executor (the local executor that will execute the task),
queue (no live worker takes tasks from the queue),
resource (no live worker of the queue has the resources),
feature (no live worker of the queue can execute durable steps),
knowledge (no live worker of the queue has the code of the step),
worker (a worker of the queue must become free),
lease (a worker executes the task, and must send a heartbeat before until).
Tasks of a map that wait for the same thing are one row. wake_workflow_run ends sleep, timer and the
delay of a start at once.

Errors: SG005 unknown run.';
