create function stepgres._hint_subscribers(run_ids uuid[], have_ended boolean) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A commit that notifies is a slow one: without subscribers there is none.
    if not exists (select from stepgres.subscribers) then
        return;
    end if;
    perform pg_notify('stepgres_run_' || replace(s.run_id::text, '-', ''), '')
    from (
        select distinct o.run_id from stepgres.subscribers as o
        where o.run_id = any (_hint_subscribers.run_ids) and (o.every_change or have_ended)
    ) as s;
    perform pg_notify(s.channel, r.run_id::text)
    from (
        select distinct o.workflow_slug, stepgres._hint_channel(o.workflow_slug) as channel
        from stepgres.subscribers as o
        where o.run_id is null and (o.every_change or have_ended)
    ) as s
    join stepgres.runs as r
        on r.run_id = any (_hint_subscribers.run_ids) and r.workflow_slug = coalesce(s.workflow_slug, r.workflow_slug);
end
$$;

comment on function stepgres._hint_subscribers(uuid[], boolean) is
'Notifies, at commit, those who subscribed to these runs that they have changed, or ended: see add_subscriber.';
