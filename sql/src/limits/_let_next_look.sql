create function stepgres._let_next_look(line_ids bigint[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct l.at_limit, l.at_key, l.at_lender
    from stepgres.lines as l
    where l.line_id = any (_let_next_look.line_ids) and l.at_limit <> '';
    if found and exists (select from stepgres.workers as w where w.is_waiting) then
        perform stepgres._notify_workers();
    end if;
end
$$;

comment on function stepgres._let_next_look(bigint[]) is
'Lets the lines look again that stand where these lines stand: entries have left these lines.

What was too heavy for the room may have kept it from lighter entries.';
