create constraint trigger runs_record_end
after update on stepgres.runs
deferrable initially deferred
for each row
when (
    new.finished_at is not null and old.finished_at is null
    and current_setting('stepgres.followed', true) <> ''
)
execute function stepgres._record_run_end();
