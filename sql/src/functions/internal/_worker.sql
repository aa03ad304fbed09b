create function stepgres._worker(worker_id text) returns stepgres.workers
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker stepgres.workers;
begin
    select w.* into v_worker from stepgres.workers as w where w.worker_id = _worker.worker_id;
    if not found then
        raise exception 'worker "%" is not registered', _worker.worker_id
            using errcode = 'SG006',
                hint = 'Call register_worker first. A worker whose lease ran out is forgotten and its tasks are taken over.';
    end if;
    -- A worker that is a mere loop over work() needs no other heartbeat.
    if v_worker.heartbeat_at < v_now - v_worker.lease / 3 then
        update stepgres.workers as w set heartbeat_at = v_now where w.worker_id = _worker.worker_id;
    end if;
    return v_worker;
end
$$;

comment on function stepgres._worker(text) is
'The row of a worker that has just been heard of; SG006 if there is none.';
