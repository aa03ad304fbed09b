create trigger waits_record_events
after insert or update on stepgres.waits
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_wait_events();
