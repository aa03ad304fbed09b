create function stepgres._wait_for_turn(worker_id text) returns stepgres.workers
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_worker stepgres.workers;
begin
    if exists (select from stepgres.workers as w where w.worker_id = _wait_for_turn.worker_id) then
        -- A transaction that ends the worker may be waiting for runs that are locked here.
        perform stepgres._hold_worker(_wait_for_turn.worker_id);
        select w.* into v_worker from stepgres.workers as w
        where w.worker_id = _wait_for_turn.worker_id
        for no key update;
    end if;
    return v_worker;
end
$$;

comment on function stepgres._wait_for_turn(text) is
'Waits until another turn of a worker ends, and locks the row of the worker.

Returns null if there is no such worker; raises SG006 if the worker is being ended.';
