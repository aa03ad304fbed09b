create trigger tasks_record_events
after insert or update on stepgres.tasks
for each row
when (
    new.status in ('started', 'completed')
    and current_setting('stepgres.followed', true) = 'changes'
)
execute function stepgres._record_task_events();
