create trigger pauses_record
after insert or update on stepgres.pauses
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_pause();
