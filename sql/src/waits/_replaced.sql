create function stepgres._replaced(places int[], place int, next_place int) returns int[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if _replaced.place <> all (places) then
        return places;
    elsif _replaced.next_place is null then
        return array_remove(places, _replaced.place);
    end if;
    return array(
        select p.at
        from unnest(array_replace(places, _replaced.place, _replaced.next_place)) as p (at)
        order by p.at
    );
end
$$;

comment on function stepgres._replaced(int[], int, int) is
'Returns sorted places with the next place instead of one of them, or without it if next is null.';
