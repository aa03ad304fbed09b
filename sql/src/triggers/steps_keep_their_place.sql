-- _guard_order checks the order of steps when a dependency is inserted: the order must not change.
create trigger steps_keep_their_place
after update on stepgres.steps
for each row
when (
    (old.workflow_slug, old.version, old.step_slug, old.step_index)
    is distinct from (new.workflow_slug, new.version, new.step_slug, new.step_index)
)
execute function stepgres._refuse_definition_change();
