create function stepgres._hold_worker(worker_id text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Others see what a worker is given only when this transaction commits. A takeover before the
    -- commit would miss it, and no worker would own it; so the worker row stays until then. skip
    -- locked: a transaction that has locked the row ends the worker, and may be waiting for runs
    -- that are locked here.
    perform 1 from stepgres.workers as w
    where w.worker_id = _hold_worker.worker_id
    for key share skip locked;
    if not found then
        raise exception 'worker "%" is being ended', _hold_worker.worker_id
            using errcode = 'SG006', hint = 'Call register_worker again.';
    end if;
end
$$;

comment on function stepgres._hold_worker(text) is
'Keeps a worker from being ended before this transaction ends; SG006 if the worker is being ended.';
