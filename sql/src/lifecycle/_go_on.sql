create function stepgres._go_on(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._requeue_tasks(array(
        select (t.run_id, t.step_slug, t.task_index)::stepgres._task_key
        from stepgres.tasks as t where t.run_id = any (_go_on.run_ids) and t.status = 'queued'
    ));
    perform stepgres._refill_maps(array(
        select (t.run_id, t.step_slug)::stepgres._step_key
        from stepgres.step_states as t
        where t.run_id = any (_go_on.run_ids) and t.map and t.status = 'started'
    ));
end
$$;

comment on function stepgres._go_on(uuid[]) is
'Queues the tasks of runs that a pause or a limit has held back, and expands their maps.';
