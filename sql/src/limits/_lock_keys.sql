create function stepgres._lock_keys(limit_slugs text[], keys text[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Everybody takes the keys in this order.
    insert into stepgres.limit_keys (limit_slug, key)
    select distinct k.limit_slug, k.key
    from unnest(_lock_keys.limit_slugs, _lock_keys.keys) as k (limit_slug, key)
    order by k.limit_slug, k.key
    on conflict do nothing;
    -- offset 0, here and at other lookups of keys, makes the planner look up each key by its index,
    -- however many keys there are.
    perform 1
    from (
        select distinct n.limit_slug, n.key
        from unnest(_lock_keys.limit_slugs, _lock_keys.keys) as n (limit_slug, key)
        order by n.limit_slug, n.key
    ) as n
    cross join lateral (
        select from stepgres.limit_keys as o
        where (o.limit_slug, o.key) = (n.limit_slug, n.key)
        offset 0
        for no key update
    ) as k;
end
$$;

comment on function stepgres._lock_keys(text[], text[]) is
'Locks keys of limits, and makes them if they are new. The caller holds no key, and waits here.';
