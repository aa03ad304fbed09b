create trigger suspensions_record
after insert or update on stepgres.suspensions
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_suspension();
