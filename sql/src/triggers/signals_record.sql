create trigger signals_record
after insert or update on stepgres.signals
for each row
when (
    not new.is_new and new.run_id is not null
    and current_setting('stepgres.followed', true) = 'changes'
)
execute function stepgres._record_signal();
