create function stepgres._notify_workers() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Any worker may call tick. A busy worker does so every second, and ignores the notification.
    perform pg_notify(stepgres.wakeup_name(q.queue), '')
    from (
        select distinct u.queue
        from stepgres.workers as w
        cross join unnest(w.queues) as u (queue)
        where w.heartbeat_at + w.lease > stepgres._now()
    ) as q;
end
$$;

comment on function stepgres._notify_workers() is
'Notifies the live workers at commit: tick has something to do.';
