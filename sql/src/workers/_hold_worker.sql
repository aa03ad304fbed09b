create function stepgres._hold_worker(worker_id text, generation int default null) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if not stepgres._holds_worker(_hold_worker.worker_id, _hold_worker.generation) then
        raise exception 'worker "%" is being ended, or has begun anew', _hold_worker.worker_id
            using errcode = 'SG006', hint = 'Call register_worker again.';
    end if;
end
$$;

comment on function stepgres._hold_worker(text, int) is
'Keeps a worker from being ended before this transaction ends.

Raises SG006 if the worker is being ended, or is not of the given generation.';
