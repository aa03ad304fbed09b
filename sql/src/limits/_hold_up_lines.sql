create function stepgres._hold_up_lines(held_up stepgres._held_up_line[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if held_up is null then
        return;
    end if;
    update stepgres.lines as l
    set at_limit = (h.place).limit_slug, at_key = (h.place).key, at_lender = (h.place).lent_by,
        needs = h.needs
    from unnest(_hold_up_lines.held_up) as h
    where l.line_id = h.line_id;
    -- The other keys of the lines may have room for others.
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct u.limit_slug, u.key, u.lent_by
    from unnest(_hold_up_lines.held_up) as h
    join stepgres.lines as l on l.line_id = h.line_id
    cross join lateral unnest(l.limit_slugs, l.keys, l.lenders) as u (limit_slug, key, lent_by)
    where (u.limit_slug, u.key) <> ((h.place).limit_slug, (h.place).key) and exists (
        select from stepgres.lines as o
        where (o.at_limit, o.at_key) = (u.limit_slug, u.key)
            and o.at_lender is not distinct from u.lent_by
    );
    perform stepgres._cancel_oldest(array(
        select distinct h.place from unnest(_hold_up_lines.held_up) as h
    ));
end
$$;

comment on function stepgres._hold_up_lines(stepgres._held_up_line[]) is
'Lets lines stand at keys without room. The caller has locked all keys of the lines.';
