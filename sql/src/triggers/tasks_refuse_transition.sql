create trigger tasks_refuse_transition
after update on stepgres.tasks
for each row
when (
    (old.finished_at is not null and new.status is distinct from old.status)
    or (old.status in ('queued', 'waiting') and new.status in ('completed', 'failed'))
    or (old.status = 'waiting' and new.status = 'started')
    or (old.status = 'started' and new.status = 'queued')
    or new.attempt < old.attempt - 1
    or (new.attempt <> old.attempt and old.status = 'queued' and new.attempt <> old.attempt + 1)
)
execute function stepgres._refuse_transition();
