create function stepgres._restart_tasks(restarted stepgres._new_task[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_keys stepgres._task_key[] := array(
        select (k.run_id, k.step_slug, k.task_index)::stepgres._task_key
        from unnest(_restart_tasks.restarted) as k
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
        where t.status = 'started'
    );
begin
    -- A body that begins anew again and again must not leave rows behind for ever.
    perform stepgres._forget_checkpoints(v_keys);
    update stepgres.tasks as t
    set status = 'waiting', attempt = t.attempt - 1, counted_from = t.attempt - 1,
        queued_at = v_now, input = k.input
    from unnest(_restart_tasks.restarted) as k
    where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
        and t.status = 'started';
    perform stepgres._free_places(v_keys);
    perform stepgres._requeue_tasks(v_keys);
end
$$;

comment on function stepgres._restart_tasks(stepgres._new_task[]) is
'Queues tasks whose bodies begin anew, each with its input and without checkpoints.';
