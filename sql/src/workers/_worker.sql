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
                hint = 'Call register_worker first. A worker whose lease has run out is removed, '
                    'and its tasks are taken over.';
    end if;
    -- A worker that is a mere loop over work() needs no other heartbeat. Heartbeats come three
    -- times per lease. The limit is half of this interval, so that each heartbeat counts: the
    -- leases of live workers never come so near their end that next_due() calls for them. Nothing
    -- here waits, because the caller may hold runs that the holder of the lock of the worker waits
    -- for. That holder ends the worker, or is another call of the worker, which is a sign of life
    -- as good as this call.
    if v_worker.heartbeat_at < v_now - v_worker.lease / 6 then
        perform stepgres._hold_worker(_worker.worker_id);
        update stepgres.workers as w set heartbeat_at = v_now
        where w.worker_id = (
            select o.worker_id from stepgres.workers as o where o.worker_id = _worker.worker_id
            for no key update skip locked
        );
    end if;
    -- A claim takes tickets, lines and steps that became ready only from the queues in this row.
    if exists (select from stepgres.paused_queues) then
        v_worker.queues := stepgres._unpaused(v_worker.queues);
    end if;
    return v_worker;
end
$$;

comment on function stepgres._worker(text) is
'Returns the row of a worker that has just been heard of; raises SG006 if there is no such worker.

Its queues are those that are not paused.';
