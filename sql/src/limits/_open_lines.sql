create function stepgres._open_lines(places stepgres._line_place[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if places is null then
        return;
    end if;
    with recursive rooms as (
        select n.limit_slug, n.key, n.lent_by, l.max_running, l.burst,
            coalesce(least(r.places, r.units), 1000000000000) as room
        from (
            select distinct p.* from unnest(_open_lines.places) as p
            where exists (
                select from stepgres.lines as l
                where (l.at_limit, l.at_key) = (p.limit_slug, p.key)
            )
            offset 0
        ) as n
        cross join lateral (
            select o.* from stepgres.limit_keys as o
            where (o.limit_slug, o.key) = (n.limit_slug, n.key)
            offset 0
        ) as k
        left join stepgres.limits as l on l.limit_slug = n.limit_slug
        cross join lateral stepgres._room(
            l, k, n.lent_by, v_now
        ) as r
    ),
    -- A queue without workers must not keep the room from others, so each queue has its own.
    queues as (
        select r.*, (
            select min(l.served_by) from stepgres.lines as l
            where (l.at_limit, l.at_key) = (r.limit_slug, r.key)
        ) as served_by
        from rooms as r
        where r.room > 0 and r.lent_by is null
        union all
        select q.limit_slug, q.key, q.lent_by, q.max_running, q.burst, q.room, (
            select min(l.served_by) from stepgres.lines as l
            where (l.at_limit, l.at_key) = (q.limit_slug, q.key) and l.served_by > q.served_by
        )
        from queues as q
        where q.served_by is not null
    ),
    opened as (
        select f.line_id
        from queues as q
        cross join lateral (
            select o.line_id,
                sum(least(o.needs, q.max_running, q.burst)) over (
                    order by o.priority desc, o.turn, o.head, o.line_id
                ) as needs
            from (
                select c.line_id, c.priority, c.turn, c.head,
                    coalesce(stepgres._needs_of(c), 0) as needs
                from stepgres.lines as c
                where (c.at_limit, c.at_key, c.served_by) = (q.limit_slug, q.key, q.served_by)
                    and c.at_lender is null
                order by c.priority desc, c.turn, c.head
                limit least(q.room, 1000)
            ) as o
        ) as f
        where f.needs <= q.room
        union all
        select o.line_id
        from rooms as r
        join stepgres.lines as o
            on (o.at_limit, o.at_key, o.at_lender) = (r.limit_slug, r.key, r.lent_by)
        where r.room > 0
    )
    update stepgres.lines as l
    set at_limit = '', at_key = '', at_lender = null, needs = null
    from opened as o
    where l.line_id = o.line_id;
end
$$;

comment on function stepgres._open_lines(stepgres._line_place[]) is
'Lets lines go on that stand at keys with room: of each queue the first ones that fit.

The caller has locked the keys.';
