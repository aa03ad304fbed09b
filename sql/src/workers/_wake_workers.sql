create function stepgres._wake_workers(queue text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A commit that notifies takes a lock of the whole cluster, which ends group commit: so nobody is
    -- notified who does not wait, and under load nobody waits.
    if exists (
        select from stepgres.workers as w where w.is_waiting and _wake_workers.queue = any (w.queues)
    ) then
        perform pg_notify('stepgres_queue_' || _wake_workers.queue, '');
    end if;
end
$$;

comment on function stepgres._wake_workers(text) is
'Notifies the workers that wait for tasks of a queue, at commit, on the channel stepgres_queue_ and its name.';
