create function stepgres._set_openings(places stepgres._line_place[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_places stepgres._line_place[] := array(
        select distinct n from unnest(_set_openings.places) as n
        where exists (
            select from stepgres.limits as l
            where l.limit_slug = n.limit_slug and l.rate is not null
        ) or exists (
            select from stepgres.limit_keys as k
            where (k.limit_slug, k.key) = (n.limit_slug, n.key) and k.opens_at is not null
        )
    );
begin
    if v_places = '{}' then
        return;
    end if;
    with recursive queues as (
        select n.limit_slug, n.key, (
            select min(l.served_by) from stepgres.lines as l
            where (l.at_limit, l.at_key) = (n.limit_slug, n.key)
        ) as served_by
        from unnest(v_places) as n
        union
        select q.limit_slug, q.key, (
            select min(l.served_by) from stepgres.lines as l
            where (l.at_limit, l.at_key) = (q.limit_slug, q.key) and l.served_by > q.served_by
        )
        from queues as q
        where q.served_by is not null
    ),
    fronts as (
        select q.limit_slug, q.key, f.needs, f.at_lender
        from queues as q
        cross join lateral (
            select o.needs, o.at_lender from stepgres.lines as o
            where (o.at_limit, o.at_key, o.served_by) = (q.limit_slug, q.key, q.served_by)
                and o.at_lender is null
            order by o.priority desc, o.turn, o.head
            limit 1
        ) as f
        union all
        select n.limit_slug, n.key, o.needs, o.at_lender
        from unnest(v_places) as n
        join stepgres.lines as o on (o.at_limit, o.at_key) = (n.limit_slug, n.key)
        where o.at_lender is not null
    ),
    openings as (
        select k.limit_slug, k.key, (
            select min(greatest(
                v_now,
                least(k.next_at, v_now + l.per * (l.burst / l.rate))
                + l.per * ((least(f.needs, l.burst) - l.burst) / l.rate)
            ))
            from fronts as f
            join stepgres.limits as l on l.limit_slug = f.limit_slug and l.rate is not null
            cross join lateral stepgres._room(
                l, k, f.at_lender, v_now
            ) as r
            where (f.limit_slug, f.key) = (k.limit_slug, k.key) and (
                r.places is null
                or r.places >= case
                    when f.at_lender is null then least(f.needs, l.max_running)
                    else 1
                end
            )
        ) as opens_at
        from (select distinct n.limit_slug, n.key from unnest(v_places) as n) as n
        cross join lateral (
            select o.* from stepgres.limit_keys as o
            where (o.limit_slug, o.key) = (n.limit_slug, n.key)
            offset 0
        ) as k
    )
    update stepgres.limit_keys as k
    set opens_at = o.opens_at
    from openings as o
    where (k.limit_slug, k.key) = (o.limit_slug, o.key)
        and k.opens_at is distinct from o.opens_at;
end
$$;

comment on function stepgres._set_openings(stepgres._line_place[]) is
'Sets the instants at which the rates of keys let in the next of the lines that stand there.

The caller has locked the keys. The instant is null if no line stands at a key, or if the key waits
for a place and not for its rate.';
