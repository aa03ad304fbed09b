-- An after trigger: a before trigger would lock each row once more to evaluate its condition.
create trigger runs_refuse_transition
after update on stepgres.runs
for each row
when (
    (old.status <> 'started' and new.status is distinct from old.status)
    or (new.remaining_steps > old.remaining_steps and new.version = old.version)
)
execute function stepgres._refuse_transition();
