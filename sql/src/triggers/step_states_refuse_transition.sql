create trigger step_states_refuse_transition
after update on stepgres.step_states
for each row
when (
    (old.finished_at is not null and new.status is distinct from old.status)
    or (old.status = 'started' and new.status = 'created')
    or new.remaining_deps > old.remaining_deps
    or new.remaining_tasks > old.remaining_tasks
)
execute function stepgres._refuse_transition();
