create function stepgres._room(
    limited_by stepgres.limits, key stepgres.limit_keys, lent_by uuid, now timestamptz,
    out places bigint, out units bigint
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select
        case when l.max_running is not null then (
            select case when _room.lent_by is null then l.max_running else 1 end
                - coalesce(sum(p.weight), 0)
            from stepgres.places as p
            where (p.limit_slug, p.key) = ((_room.key).limit_slug, (_room.key).key)
                and p.lent_by is not distinct from _room.lent_by
        ) end,
        case when l.rate is not null then floor(
            l.burst - extract(epoch from greatest(
                -- if the clock was set back, the burst is used up, and no more than that
                least(
                    coalesce((_room.key).next_at, _room.now),
                    _room.now + l.per * (l.burst / l.rate)
                ),
                _room.now
            ) - _room.now) * l.rate / extract(epoch from l.per) + 0.001
        )::bigint end
    from (select (_room.limited_by).*) as l
$$;

comment on function stepgres._room(stepgres.limits, stepgres.limit_keys, uuid, timestamptz) is
'Returns the weight that can be let in under a key now: the places that are free, and the units of
the rate. null: any. A run that lends its place (lent_by) has one place for all that it lends to.';
