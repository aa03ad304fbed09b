create function stepgres._find_limit(limit_slug text) returns stepgres.limit_status
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit stepgres.limit_status;
begin
    select l.limit_slug, l.max_running::int, l.rate::float8, l.per::interval, l.burst::int
    into v_limit.limit_slug, v_limit.max_running, v_limit.rate, v_limit.per, v_limit.burst
    from stepgres.limits as l
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
