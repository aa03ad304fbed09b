create function stepgres.unregister_worker(worker_id text) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The worker is locked before runs, as everywhere. A claim of this worker under way ends first.
    delete from stepgres.workers as w where w.worker_id = unregister_worker.worker_id;
    if not found then
        perform stepgres._worker(unregister_worker.worker_id);
    end if;
    return stepgres._take_over(array[unregister_worker.worker_id], is_dead => false);
end
$$;

comment on function stepgres.unregister_worker(text) is
'Ends a worker in order and returns the number of tasks that go back.

The tasks of the worker go back to their queues at once, and no attempt is counted.

Errors: SG006 unknown worker.';
