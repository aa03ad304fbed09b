create function stepgres._holds_worker(worker_id text, generation int default null)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Other transactions see the tasks of a worker only when this transaction commits. A takeover
    -- before the commit would miss these tasks, and nobody would execute them; so the worker row
    -- stays until the commit. skip locked: a transaction that has locked the row ends the worker,
    -- and may be waiting for runs that are locked here.
    perform 1 from stepgres.workers as w
    where w.worker_id = _holds_worker.worker_id
        and w.generation = coalesce(_holds_worker.generation, w.generation)
    for key share skip locked;
    return found;
end
$$;

comment on function stepgres._holds_worker(text, int) is
'Keeps a worker from being ended before this transaction ends.

Returns false if the worker is being ended, or is not of the given generation.';
