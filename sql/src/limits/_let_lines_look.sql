create function stepgres._let_lines_look(limit_slug text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct l.at_limit, l.at_key, l.at_lender
    from stepgres.lines as l
    where l.at_limit = _let_lines_look.limit_slug;
    if found then
        perform stepgres._notify_workers();
    end if;
end
$$;

comment on function stepgres._let_lines_look(text) is
'Lets the lines that stand at a limit look again, since the limit has changed.';
