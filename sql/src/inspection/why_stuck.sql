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
    ) as l
    join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug) = (v_run.workflow_slug, v_run.version, l.step_slug)
    order by s.step_index, l.task_index nulls first, l.detail;
end
$$;

comment on function stepgres.why_stuck(uuid) is
'What each unfinished step of a run waits for, in topological order; nothing if the run has ended.

waits_for is one of: dependency (a step that has not finished), start (of a delayed run, until
when), timer (the next attempt, the end of a start_delay, or the end of the time for which a worker
has given the task back, until when), pause (resume_workflow_run), executor (the local run that will
execute it), queue (no live worker takes from it), resource (no live worker of the queue has it),
knowledge (no live worker of the queue has the code of the step), worker (until one of them is
free), lease (a worker executes it, and must be heard of again until when). Tasks of a map that wait
for the same are one row.

Errors: SG005 unknown run.';
