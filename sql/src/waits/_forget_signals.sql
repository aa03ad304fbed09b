create function stepgres._forget_signals() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    -- skip locked: a tick holds locks of runs, and must not wait
    delete from stepgres.signals as s
    where s.signal_id = any (array(
        select o.signal_id from stepgres.signals as o
        where o.wait_id is null and o.run_id is null and o.expires_at <= v_now
        order by o.expires_at limit 10000
        for update skip locked
    ));
end
$$;

comment on function stepgres._forget_signals() is
'Deletes up to 10,000 unread signals with a key whose time is over.';
