create function stepgres._resume_tasks(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if tasks is null then
        return;
    end if;
    delete from stepgres.timers as m
    using (select u.*, 'wake' as kind from unnest(_resume_tasks.tasks) as u offset 0) as k
    where m.run_id = any (array[k.run_id])
        and (m.kind, m.step_slug, m.task_index) = (k.kind, k.step_slug, k.task_index);
    update stepgres.suspensions as s
    set resumed_at = v_now
    from unnest(_resume_tasks.tasks) as k
    join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
    where (s.run_id, s.step_slug, s.task_index, s.claim)
        = (t.run_id, t.step_slug, t.task_index, t.claim)
        and s.resumed_at is null;
    perform stepgres._requeue_tasks(_resume_tasks.tasks);
end
$$;

comment on function stepgres._resume_tasks(stepgres._task_key[]) is
'Queues suspended tasks, which go on with what their waits have brought.';
