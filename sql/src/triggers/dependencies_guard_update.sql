create trigger dependencies_guard_update
after update on stepgres.dependencies
for each row
execute function stepgres._refuse_definition_change();
