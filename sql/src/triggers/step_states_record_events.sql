create trigger step_states_record_events
after insert or update on stepgres.step_states
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_step_events();
