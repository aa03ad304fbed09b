create function stepgres._share_room(served_by text[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- the plan is made once a session, perhaps while the tables are empty
set enable_seqscan = off
as $$
begin
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select p.limit_slug, p.key, p.lent_by
    from (
        select distinct l.served_by, u.limit_slug, u.key, u.lent_by
        from unnest(_share_room.served_by) as q (served_by)
        cross join lateral (
            select o.served_by, o.limit_slugs, o.keys, o.lenders from stepgres.lines as o
            where (o.at_limit, o.at_key, o.served_by) = ('', '', q.served_by)
            order by o.priority desc, o.turn, o.head
            limit 1000
        ) as l
        cross join lateral unnest(l.limit_slugs, l.keys, l.lenders) as u (limit_slug, key, lent_by)
        where u.lent_by is null
    ) as p
    join stepgres.limits as m on m.limit_slug = p.limit_slug
    cross join lateral (
        select k.* from stepgres.limit_keys as k
        where (k.limit_slug, k.key) = (p.limit_slug, p.key)
        offset 0
    ) as n
    cross join lateral (
        select coalesce(stepgres._needs_of(o), 0) as needs from stepgres.lines as o
        where (o.at_limit, o.at_key, o.served_by) = (p.limit_slug, p.key, p.served_by)
            and o.at_lender is null
        order by o.priority desc, o.turn, o.head
        limit 1
    ) as f
    cross join lateral stepgres._room(m, n, null, stepgres._now()) as r
    where least(f.needs, m.max_running, m.burst) <= least(r.places, r.units);
end
$$;

comment on function stepgres._share_room(text[]) is
'Lets further lines of some queues look for room that lines before them do not take.

A worker with nothing else to do calls it. The lines that it has passed over are for workers with
other resources or other code. These may be busy, or may never come.';
