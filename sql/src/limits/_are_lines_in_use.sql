create function stepgres._are_lines_in_use() returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (select from stepgres.line_entries)
        or exists (select from stepgres.freed_places);
end
$$;

comment on function stepgres._are_lines_in_use() is
'Says whether anything waits for a limit, or whether a place was freed.';
