create function stepgres._signals_to_compare(run_ids uuid[], fresh_from bigint)
returns table (
    run_id uuid, signal text, signal_id bigint, payload jsonb, is_new boolean, wait_id bigint
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select s.*
    from (
        select g.run_id, g.signal, u.signal_id, u.payload, u.is_new, null::bigint as wait_id
        from (
            select w.run_id, w.signal,
                bool_or(w.is_new or w.wait_id >= _signals_to_compare.fresh_from) as has_fresh
            from stepgres.runs as r
            cross join lateral (
                select o.* from stepgres.waits as o
                where o.run_id = r.run_id and o.resolved_at is null offset 0
            ) as w
            where w.signal is not null and r.run_id = any (_signals_to_compare.run_ids)
                and r.status = 'started' and r.paused_at is null
            group by w.run_id, w.signal
        ) as g
        cross join lateral (
            select n.* from stepgres.signals as n
            where n.run_id = g.run_id and n.signal = g.signal and n.wait_id is null
            offset 0
        ) as u
        where u.is_new or g.has_fresh
        union all
        select w.run_id, w.signal, k.signal_id, k.payload, k.is_new, w.wait_id
        from stepgres.runs as r
        cross join lateral (
            select o.* from stepgres.waits as o
            where o.run_id = r.run_id and o.resolved_at is null offset 0
        ) as w
        cross join lateral (
            select n.* from stepgres.signals as n
            where n.signal = w.signal and n.key = w.key and n.wait_id is null
                and n.run_id is null
            offset 0
        ) as k
        where w.key is not null and r.run_id = any (_signals_to_compare.run_ids)
            and r.status = 'started' and r.paused_at is null and k.expires_at > stepgres._now()
            and (k.is_new or w.is_new or w.wait_id >= _signals_to_compare.fresh_from)
    ) as s
    -- A run that gets many signals keeps no other run from its older ones.
    order by min(s.signal_id) over (partition by s.run_id, s.signal), s.run_id, s.signal,
        s.signal_id;
end
$$;

comment on function stepgres._signals_to_compare(uuid[], bigint) is
'Lists the unread signals that open waits of runs have not been compared with, for _match_signals.

The signals of one name of a run come one after the other, in the order of their ids. A signal with
a key has the wait_id of the only open wait that has the key; paused runs take no signals.';
