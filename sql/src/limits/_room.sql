create function stepgres._room(
    max_running int, rate float8, per interval, burst int, key stepgres.limit_keys, lent_by uuid,
    now timestamptz, out places bigint, out units bigint
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select
        case when _room.max_running is not null then (
            select case when _room.lent_by is null then _room.max_running else 1 end
                - coalesce(sum(p.weight), 0)
            from stepgres.places as p
            where (p.limit_slug, p.key) = ((_room.key).limit_slug, (_room.key).key)
                and p.lent_by is not distinct from _room.lent_by
        ) end,
        case when _room.rate is not null then floor(
            _room.burst - extract(epoch from greatest(
                -- if the clock was set back, the burst is used up, and no more than that
                least(
                    coalesce((_room.key).next_at, _room.now),
                    _room.now + _room.per * (_room.burst / _room.rate)
                ),
                _room.now
            ) - _room.now) * _room.rate / extract(epoch from _room.per) + 0.001
        )::bigint end
$$;

comment on function stepgres._room(
    int, float8, interval, int, stepgres.limit_keys, uuid, timestamptz
) is
'Returns the weight that can be let in under a key now: the places that are free, and the units of
the rate. null: any. A run that lends its place (lent_by) has one place for all that it lends to.';
