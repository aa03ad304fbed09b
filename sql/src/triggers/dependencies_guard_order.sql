create trigger dependencies_guard_order
after insert on stepgres.dependencies
for each row
execute function stepgres._guard_order();
