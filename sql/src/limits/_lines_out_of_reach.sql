create function stepgres._lines_out_of_reach(picked stepgres._picked_entry[]) returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_keys stepgres._line_place[];
begin
    v_keys := array(
        select (k.limit_slug, k.key, null)::stepgres._line_place
        from (
            select distinct u.limit_slug, u.key
            from unnest(_lines_out_of_reach.picked) as p
            cross join lateral unnest((p.line).limit_slugs, (p.line).keys) as u (limit_slug, key)
        ) as n
        cross join lateral (
            select o.limit_slug, o.key from stepgres.limit_keys as o
            where (o.limit_slug, o.key) = (n.limit_slug, n.key)
            offset 0
            for no key update skip locked
        ) as k
    );
    return array(
        select distinct (p.line).line_id
        from unnest(_lines_out_of_reach.picked) as p
        cross join lateral unnest((p.line).limit_slugs, (p.line).keys) as u (limit_slug, key)
        where (u.limit_slug, u.key, null)::stepgres._line_place <> all (v_keys)
    );
end
$$;

comment on function stepgres._lines_out_of_reach(stepgres._picked_entry[]) is
'Locks the keys of lines, and returns the lines with a key that another transaction has locked.';
