create trigger dependencies_guard_used_version
after insert or delete on stepgres.dependencies
for each row
execute function stepgres._guard_used_version();
