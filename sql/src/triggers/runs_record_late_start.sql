-- A transaction may start a run and go on for minutes: whoever subscribes meanwhile is told of it at the end.
-- Transactions of one statement are waited for instead: see _first_event_position.
create constraint trigger runs_record_late_start
after insert on stepgres.runs
deferrable initially deferred
for each row
when (
    now() <> statement_timestamp() and current_setting('stepgres.followed', true) is distinct from 'changes'
)
execute function stepgres._record_run_start();
