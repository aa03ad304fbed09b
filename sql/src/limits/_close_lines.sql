create function stepgres._close_lines(line_ids bigint[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    with closed as (
        delete from stepgres.lines as l
        where l.line_id = any (_close_lines.line_ids) and not exists (
            select from stepgres.line_entries as e
            where e.line_id = l.line_id and not e.is_paused
            offset 0
        )
        returning l.limit_slugs, l.keys, l.lenders
    )
    -- The room that such a line was let go on for is there for others.
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct u.limit_slug, u.key, u.lent_by
    from closed as c
    cross join lateral unnest(c.limit_slugs, c.keys, c.lenders) as u (limit_slug, key, lent_by)
    where exists (
        select from stepgres.lines as o
        where (o.at_limit, o.at_key) = (u.limit_slug, u.key)
            and o.at_lender is not distinct from u.lent_by
        offset 0
    );
end
$$;

comment on function stepgres._close_lines(bigint[]) is
'Deletes lines without entries. The caller has locked the keys of the lines.';
