create function stepgres._fatal_attempt(run stepgres.runs) returns stepgres.attempts
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- The error of a run ends with the error of the attempt, after the name of the step.
    select a.*
    from stepgres.attempts as a
    where a.run_id = run.run_id and a.step_slug = run.failed_step
        and right(run.error, length(a.error)) = a.error
    order by a.failed_at desc, a.task_index
    limit 1
$$;

comment on function stepgres._fatal_attempt(stepgres.runs) is
'Returns the attempt whose error failed the run, or null if no attempt failed it.';
