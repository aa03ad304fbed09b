create function stepgres._attempt_handed_back(task stepgres.tasks) returns int
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- an attempt that failed has left its error in the task
    select case when task.status in ('queued', 'waiting') and task.started_at is not null
        and task.error is null
        then task.attempt + 1 end
$$;

comment on function stepgres._attempt_handed_back(stepgres.tasks) is
'Returns the attempt for which a task was claimed and handed back, or null if it was not.

The next claim of the task has the same attempt number.';
