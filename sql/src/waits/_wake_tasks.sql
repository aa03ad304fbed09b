create function stepgres._wake_tasks(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks is null then
        return;
    end if;
    perform stepgres._requeue_tasks(array_agg(distinct k))
    from unnest(_wake_tasks.tasks) as k
    join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
    where t.status = 'waiting';
end
$$;

comment on function stepgres._wake_tasks(stepgres._task_key[]) is
'Queues tasks that wait, because a wait of theirs has been resolved.';
