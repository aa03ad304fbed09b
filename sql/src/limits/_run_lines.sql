create function stepgres._run_lines() returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce('runs of ' || stepgres._simulator(), '')
$$;

comment on function stepgres._run_lines() is
'Returns served_by of lines with runs; those of a simulation are apart.';
