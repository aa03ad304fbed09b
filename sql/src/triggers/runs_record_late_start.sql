-- A transaction may start runs and go on for minutes. A subscriber that comes meanwhile hears of
-- these runs when the transaction commits: one trigger serves all runs of a call. For transactions
-- of one statement _first_event_position waits instead.
create constraint trigger runs_record_late_start
after insert on stepgres.runs
deferrable initially deferred
for each row
when (new.run_id::text = current_setting('stepgres.first_run', true))
execute function stepgres._record_run_start('call');
