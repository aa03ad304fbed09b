create function stepgres._record_task_events() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_attempt int := coalesce(stepgres._attempt_handed_back(new), new.attempt);
begin
    -- A task that waits may begin to wait for a child run, and has no worker then.
    if not (
        new.status in ('started', 'completed')
        or (new.status = 'waiting' and new.worker_id is null)
    ) or (
        new.status = old.status and coalesce(
            stepgres._attempt_handed_back(new) = stepgres._attempt_handed_back(old),
            stepgres._attempt_handed_back(new) is null
        )
    ) then
        return null;
    end if;
    -- If the task was handed back, the first claim has already recorded task_started of this
    -- attempt.
    if old.status is distinct from 'started'
        and stepgres._attempt_handed_back(old) is distinct from v_attempt
    then
        perform stepgres._record_event((
            'task_started', new.run_id, null, null, new.step_slug, new.task_index, v_attempt,
            new.started_at, null
        ));
    end if;
    if new.status = 'completed' then
        perform stepgres._record_event((
            'task_completed', new.run_id, null, null, new.step_slug, new.task_index, new.attempt,
            new.finished_at, null
        ));
    end if;
    return null;
end
$$;

comment on function stepgres._record_task_events() is
'Records that an attempt has started, or has completed its task (a trigger function).';
