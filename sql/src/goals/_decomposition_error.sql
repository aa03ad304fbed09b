create function stepgres._decomposition_error(path text, problem text, hint text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '%', coalesce('goal task "' || path || '": ', '') || problem
        using errcode = 'SG018', hint = _decomposition_error.hint;
end
$$;

comment on function stepgres._decomposition_error(text, text, text) is
'Raises SG018 for the goal task at this path, or for the whole graph if path is null.';
