create trigger runs_record_start
after insert on stepgres.runs
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_run_start();
