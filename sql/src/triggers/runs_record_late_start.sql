-- A transaction may start a run and go on for minutes: this trigger tells, at the end of the
-- transaction, the subscribers that came meanwhile. For transactions of one statement,
-- _first_event_position waits instead.
create constraint trigger runs_record_late_start
after insert on stepgres.runs
deferrable initially deferred
for each row
when (
    now() <> statement_timestamp()
    and current_setting('stepgres.followed', true) is distinct from 'changes'
)
execute function stepgres._record_run_start();
