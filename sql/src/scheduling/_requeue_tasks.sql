create function stepgres._requeue_tasks(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._queue_tasks(
        array_agg((k.run_id, k.step_slug, k.task_index, null)::stepgres._new_task),
        are_new => false
    )
    from unnest(_requeue_tasks.tasks) as k;
    update stepgres.step_states as t
    set queued_from = k.task_index
    from (
        select u.run_id, u.step_slug, min(u.task_index) as task_index
        from unnest(_requeue_tasks.tasks) as u
        group by u.run_id, u.step_slug
    ) as k
    where t.run_id = k.run_id and t.step_slug = k.step_slug and t.queued_from > k.task_index;
end
$$;

comment on function stepgres._requeue_tasks(stepgres._task_key[]) is
'Queues tasks that have a row again: after a wait, a release, or the loss of a ticket.';
