create function stepgres._fault_of(task stepgres.tasks) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when task.status not in (
            'queued', 'started', 'waiting', 'completed', 'failed', 'skipped', 'cancelled'
        ) then 'unknown status'
        when task.status = 'started' and (task.started_at is null or task.worker_id is null)
            then 'a started task has started_at and worker_id'
        when (task.status in ('queued', 'started', 'waiting')) <> (task.finished_at is null)
            then 'finished_at is for finished tasks'
        when task.status = 'failed' and task.error is null then 'a failed task has an error'
        when task.attempt < 0
            or (
                task.attempt = 0
                and task.status not in ('queued', 'waiting', 'skipped', 'cancelled')
            )
            then 'a task that was claimed has an attempt'
        when task.msg_id is not null and task.status <> 'queued'
            then 'only queued tasks have a ticket'
        when task.lane is not null and task.msg_id is null then 'lane is for tickets'
        when task.ahead not in ('claimed', 'lost') then 'unknown value of ahead'
    end
$$;

comment on function stepgres._fault_of(stepgres.tasks) is
'Returns the rule that a row of tasks breaks by itself, or null.';
