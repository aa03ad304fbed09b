create function stepgres._claim_beside_results(
    worker stepgres.workers, capacity int, run_ids uuid[], handed tid[]
) returns setof stepgres.work_item
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select * from stepgres._claim(
        _claim_beside_results.worker, _claim_beside_results.capacity, _claim_beside_results.run_ids,
        _claim_beside_results.handed
    );
exception when others or query_canceled then
    -- Whatever is wrong with what is claimed, or however long it takes, the results of this call are finished work.
    -- The next claim without results meets the same error and reports it.
    raise warning 'worker "%" has claimed nothing, its results are stored: %', worker.worker_id, sqlerrm;
    perform stepgres._requeue_tasks(array(
        select (t.run_id, t.step_slug, t.task_index)::stepgres._task_key
        from stepgres.tasks as t where t.ctid = any (_claim_beside_results.handed)
    ));
end
$$;

comment on function stepgres._claim_beside_results(stepgres.workers, int, uuid[], tid[]) is
'Claims as _claim does, but nothing if that fails or is cancelled: the transaction, which has results, goes on.';
