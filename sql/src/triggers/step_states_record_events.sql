create trigger step_states_record_events
after insert or update on stepgres.step_states
for each row
when (new.status <> 'created' and current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_step_events();
