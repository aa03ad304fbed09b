create function stepgres.list_limit_keys(
    limit_slug text, "limit" int default 100, after text default null
) returns setof stepgres.limit_key
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._not_negative("limit", 'limit');
    return query
    select k.key::jsonb, p.running, l.waiting, k.opens_at, k.key
    from (
        select n.key, n.opens_at from stepgres.limit_keys as n
        where n.limit_slug = list_limit_keys.limit_slug and n.key > coalesce(after, '')
        order by n.key
        limit list_limit_keys."limit"
    ) as k
    cross join lateral (
        select coalesce(sum(o.weight) filter (where o.lent_by is null), 0)::bigint as running
        from stepgres.places as o
        where (o.limit_slug, o.key) = (list_limit_keys.limit_slug, k.key)
    ) as p
    cross join lateral (
        select count(*) as waiting
        from stepgres.lines as o
        join stepgres.line_entries as e on e.line_id = o.line_id and not e.is_paused
        where (o.at_limit, o.at_key) = (list_limit_keys.limit_slug, k.key)
    ) as l
    order by k.key;
end
$$;

comment on function stepgres.list_limit_keys(text, int, text) is
'Lists the keys of a limit that are in use, by their texts, with their use and what waits for them.

To page, pass the position of the last row as after. limit null returns all. An unknown limit has no
keys.

Errors: SG014 a negative limit.';
