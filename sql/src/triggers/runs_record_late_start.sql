<<<<<<< HEAD
-- A transaction may start runs and go on for minutes. A subscriber that comes meanwhile is told of them at the
-- end: one trigger for all runs of a call. Transactions of one statement are waited for instead: see
-- _first_event_position.
=======
-- A transaction may start a run and go on for minutes: this trigger tells, at the end of the
-- transaction, the subscribers that came meanwhile. For transactions of one statement,
-- _first_event_position waits instead.
>>>>>>> engsqlb
create constraint trigger runs_record_late_start
after insert on stepgres.runs
deferrable initially deferred
for each row
when (
<<<<<<< HEAD
    new.run_id::text = current_setting('stepgres.first_run', true)
    and current_setting('stepgres.followed', true) is distinct from 'changes'
    and now() <> statement_timestamp()
=======
    now() <> statement_timestamp()
    and current_setting('stepgres.followed', true) is distinct from 'changes'
>>>>>>> engsqlb
)
execute function stepgres._record_run_start('call');
