create trigger attempts_record_failure
after insert on stepgres.attempts
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_failure();
