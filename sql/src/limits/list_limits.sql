create function stepgres.list_limits(
    limit_slug text default null, "limit" int default null, after text default null
) returns setof stepgres.limit_status
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    with listed as materialized (
        select o.* from stepgres.limits as o
        where o.limit_slug > coalesce(list_limits.after, '')
            and o.limit_slug = coalesce(list_limits.limit_slug, o.limit_slug)
        order by o.limit_slug
        limit stepgres._not_negative(list_limits."limit", 'limit')
    ),
    standing as (
        select l.at_limit as limit_slug, l.at_key as key, count(*) as waiting
        from listed as o
        join stepgres.lines as l on l.at_limit = o.limit_slug
        join stepgres.line_entries as e on e.line_id = l.line_id and not e.is_paused
        group by l.at_limit, l.at_key
    ),
    running as (
        select p.limit_slug, p.key, sum(p.weight) filter (where p.lent_by is null) as running
        from listed as o
        join stepgres.places as p on p.limit_slug = o.limit_slug
        group by p.limit_slug, p.key
    ),
    keys as (
        select limit_slug, key, coalesce(r.running, 0) as running,
            coalesce(s.waiting, 0) as waiting
        from running as r
        full join standing as s using (limit_slug, key)
    )
    select l.limit_slug, l.max_running, l.rate, l.per, l.burst,
        coalesce((select sum(k.running) from keys as k where k.limit_slug = l.limit_slug), 0),
        coalesce((select sum(k.waiting) from keys as k where k.limit_slug = l.limit_slug), 0),
        coalesce((
            select jsonb_agg(
                jsonb_build_object(
                    'key', b.key::jsonb, 'running', b.running, 'waiting', b.waiting,
                    'opens_at', n.opens_at
                ) order by b.waiting desc, b.running desc, b.key
            )
            from (
                select k.* from keys as k where k.limit_slug = l.limit_slug
                order by k.waiting desc, k.running desc, k.key limit 20
            ) as b
            left join stepgres.limit_keys as n on (n.limit_slug, n.key) = (l.limit_slug, b.key)
        ), '[]')
    from listed as l
    order by l.limit_slug
$$;

comment on function stepgres.list_limits(text, int, text) is
'Lists the limits by slug, or one limit, with their use and with how much waits for them.

To page, pass a limit, and the limit_slug of the last row as after.

Errors: SG014 a negative limit.';
