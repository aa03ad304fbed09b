create function stepgres._find_limit(limit_slug text) returns stepgres.limits
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit stepgres.limits;
begin
    select l.* into v_limit from stepgres.limits as l
    where l.limit_slug = _find_limit.limit_slug
    for no key update;
    if not found then
        raise exception 'limit % does not exist',
            coalesce('"' || left(_find_limit.limit_slug, 128) || '"', 'null')
            using errcode = 'SG036', hint = 'list_limits shows the limits.';
    end if;
    return v_limit;
end
$$;

comment on function stepgres._find_limit(text) is
'Locks a limit and returns it; raises SG036 if there is none.';
