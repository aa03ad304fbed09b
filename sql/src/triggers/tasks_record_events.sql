create trigger tasks_record_events
after insert or update on stepgres.tasks
for each row
when (
    (
        new.status in ('started', 'completed')
        -- the child run of the task has started
        or (new.status = 'waiting' and new.worker_id is null and new.started_at is not null)
    )
    and current_setting('stepgres.followed', true) = 'changes'
)
execute function stepgres._record_task_events();
