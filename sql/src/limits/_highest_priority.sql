create function stepgres._highest_priority(served_by text[], most int) returns int
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select max(l.priority)
    from unnest(_highest_priority.served_by) as q (served_by)
    cross join lateral (
        select o.priority from stepgres.lines as o
        where (o.at_limit, o.at_key, o.served_by) = ('', '', q.served_by)
            and o.priority <= _highest_priority.most
        order by o.priority desc
        limit 1
    ) as l
$$;

comment on function stepgres._highest_priority(text[], int) is
'Returns the highest priority, up to a number, of the lines that may go on; null if there is none.';
