create trigger steps_guard_used_version
after insert or update or delete on stepgres.steps
for each row
execute function stepgres._guard_used_version();
