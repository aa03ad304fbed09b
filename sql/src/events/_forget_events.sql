create function stepgres._forget_events() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_under_way xid8[];
    v_until xid8;
begin
    -- skip locked: a tick holds locks of runs, and must not wait
    delete from stepgres.subscribers as s
    where s.subscriber_id = any (array(
        select o.subscriber_id from stepgres.subscribers as o
        where o.expires_at < v_now for update skip locked
    ));
    if not exists (select from stepgres.recent_events) then
        return;
    end if;
    -- A subscriber that renews its lease but never moves on does not keep events for ever.
    update stepgres.subscribers as s set told = pg_current_snapshot(), told_at = v_now
    where s.subscriber_id = any (array(
        select o.subscriber_id from stepgres.subscribers as o
        where o.every_change and o.told_at < v_now - interval '1 hour' for update skip locked
    ));
    select min(pg_snapshot_xmax(s.told)), array(
        select x.xid from stepgres.subscribers as o
        cross join lateral pg_snapshot_xip(o.told) as x (xid)
        where o.every_change
    ) into v_until, v_under_way
    from stepgres.subscribers as s where s.every_change;
    delete from stepgres.recent_events as e
    where e.ctid = any (array(
        select o.ctid from stepgres.recent_events as o
        where (v_until is null or o.xid < v_until) and o.xid <> all (v_under_way)
        limit 50000
    ));
end
$$;

comment on function stepgres._forget_events() is
'Removes subscribers whose lease is over, and recorded events that all other subscribers have got.';
