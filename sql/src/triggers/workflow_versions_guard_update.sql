create trigger workflow_versions_guard_update
after update on stepgres.workflow_versions
for each row
when (old.is_used and old is distinct from new)
execute function stepgres._refuse_definition_change();
