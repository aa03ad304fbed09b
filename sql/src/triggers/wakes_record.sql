create trigger wakes_record
after insert on stepgres.wakes
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_wake();
