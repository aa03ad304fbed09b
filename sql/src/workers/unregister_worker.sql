create function stepgres.unregister_worker(worker_id text) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- worker before runs, as everywhere; and a claim of this worker under way ends first
    delete from stepgres.workers as w where w.worker_id = unregister_worker.worker_id;
    if not found then
        perform stepgres._worker(unregister_worker.worker_id);
    end if;
    return stepgres._take_over(array[unregister_worker.worker_id], is_dead => false);
end
$$;

comment on function stepgres.unregister_worker(text) is
'Ends a worker in order: what it has claimed goes back to its queue at once, and no attempt is counted; returns the
number of these tasks.

Errors: SG006 unknown worker.';
