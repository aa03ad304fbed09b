create function stepgres.get_max_parallel(run_id uuid) returns int
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(get_max_parallel.run_id);
begin
    return (
        select w.max_parallel::int from stepgres.workflow_versions as w
        where (w.workflow_slug, w.version) = (v_run.workflow_slug, v_run.version)
    );
end
$$;

comment on function stepgres.get_max_parallel(uuid) is
'Returns how many local tasks of a run its executor may have under way; null: as many as it can.

Errors: SG005 unknown run.';
