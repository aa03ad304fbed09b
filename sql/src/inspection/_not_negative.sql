create function stepgres._not_negative(number int, argument text) returns int
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if number < 0 then
        raise exception '% % is negative', argument, number
            using errcode = 'SG014', hint = 'Pass a number of at least 0, or leave it out.';
    end if;
    return number;
end
$$;

comment on function stepgres._not_negative(int, text) is
'Returns a number of rows that was passed as this argument; raises SG014 if it is negative.';
