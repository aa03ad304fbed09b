create function stepgres.unregister_worker(worker_id text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._worker(unregister_worker.worker_id);
    perform stepgres._take_over(unregister_worker.worker_id, is_dead => false);
    delete from stepgres.workers as w where w.worker_id = unregister_worker.worker_id;
end
$$;

comment on function stepgres.unregister_worker(text) is
'Ends a worker in order: what it has claimed goes back to its queue at once, and no attempt is counted.

Errors: SG006 unknown worker.';
