create trigger tasks_record_events
after insert or update on stepgres.tasks
for each row
when (new.started_at is not null and current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_task_events();
