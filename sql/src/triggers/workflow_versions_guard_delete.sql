create trigger workflow_versions_guard_delete
after delete on stepgres.workflow_versions
for each row
when (old.is_used and old.version > 0)
execute function stepgres._refuse_definition_change();
