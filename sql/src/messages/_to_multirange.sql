create function stepgres._to_multirange(ids bigint[]) returns int8multirange
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(range_agg(int8range(i.id, i.id, '[]')), '{}')
    from unnest(_to_multirange.ids) as i (id)
$$;

comment on function stepgres._to_multirange(bigint[]) is
'Returns the same ids as a multirange.';
