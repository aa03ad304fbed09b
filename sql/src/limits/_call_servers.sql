create function stepgres._call_servers(worker_id text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queues text[] := array(
        select distinct u.queue
        from stepgres.workers as w
        cross join unnest(w.queues) as u (queue)
        where w.is_waiting and w.worker_id is distinct from _call_servers.worker_id
    );
begin
    perform pg_notify(stepgres.wakeup_name(q.queue), '')
    from unnest(v_queues) as q (queue)
    where exists (
        select from stepgres.lines as l
        where (l.at_limit, l.at_key, l.served_by) = ('', '', q.queue)
        offset 0
    );
end
$$;

comment on function stepgres._call_servers(text) is
'Notifies waiting workers, other than a given one, of lines that may go on.';
