create function stepgres._find_run(run_id uuid) returns stepgres.runs
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
begin
    select r.* into v_run from stepgres.runs as r where r.run_id = _find_run.run_id;
    if not found then
        perform stepgres._run_not_found(_find_run.run_id);
    end if;
    return v_run;
end
$$;

comment on function stepgres._find_run(uuid) is
'Returns a run; raises SG005 if the run does not exist.';
