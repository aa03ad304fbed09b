-- What a row of the state tables may never hold, and what it may never become. A user's database
-- has none of these guards, because they cost each step a tenth of its time. The tests run with
-- them: whatever the engine does wrong there fails at once, in the statement that does it.
alter table stepgres.runs
add constraint run_is_sound check (stepgres._fault_of(runs) is null);
alter table stepgres.step_states
add constraint step_is_sound check (stepgres._fault_of(step_states) is null);
alter table stepgres.tasks
add constraint task_is_sound check (stepgres._fault_of(tasks) is null);
alter table stepgres.waits
add constraint wait_is_sound check (stepgres._fault_of(waits) is null);
alter table stepgres.signals
add constraint signal_is_sound check (stepgres._fault_of(signals) is null);
alter table stepgres.decisions
add constraint decision_is_sound check (stepgres._fault_of(decisions) is null);

create function public.refuse_transition() returns trigger
language plpgsql
as $$
begin
    raise exception '% of run % cannot change from % to %', tg_table_name, old.run_id,
        to_jsonb(old) - '{run_id,input,output}'::text[],
        to_jsonb(new) - '{run_id,input,output}'::text[]
        using errcode = 'SG008', hint = 'The engine has a fault.';
end
$$;

create trigger runs_refuse_transition
after update on stepgres.runs
for each row
when (old.status <> 'started' and new.status is distinct from old.status)
execute function public.refuse_transition();

create trigger step_states_refuse_transition
after update on stepgres.step_states
for each row
when (
    (old.finished_at is not null and new.status is distinct from old.status)
    or (old.status = 'started' and new.status = 'created')
    or new.remaining_deps > old.remaining_deps
    or new.remaining_tasks > old.remaining_tasks
)
execute function public.refuse_transition();

create trigger tasks_refuse_transition
after update on stepgres.tasks
for each row
when (
    (old.finished_at is not null and new.status is distinct from old.status)
    or (old.status = 'queued' and new.status = 'completed')
    -- a task that cannot stand in a line has no worker
    or (old.status = 'queued' and new.status = 'failed' and new.is_limited is not true)
    -- a task whose body is a child run has no worker
    or (
        old.status = 'waiting' and new.status in ('completed', 'failed')
        and (old.worker_id is not null or old.started_at is null)
    )
    or (old.status = 'waiting' and new.status = 'started')
    or (old.status = 'started' and new.status = 'queued')
    or new.attempt < old.attempt - 1
    or (new.attempt <> old.attempt and old.status = 'queued' and new.attempt <> old.attempt + 1)
)
execute function public.refuse_transition();
