create function stepgres._check_limit("limit" int) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if _check_limit."limit" < 1 then
        raise exception 'limit % is less than 1', _check_limit."limit"
            using errcode = 'SG003', hint = 'Pass the number of rows, or null for all rows.';
    end if;
end
$$;

comment on function stepgres._check_limit(int) is
'Raises SG003 for a limit of messages or events below 1.';
