create function stepgres._run_not_found(run_id uuid) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'run % does not exist', run_id
        using errcode = 'SG005', hint = 'Check the id; start_workflow_run returns it.';
end
$$;

comment on function stepgres._run_not_found(uuid) is
'Raises SG005: the run does not exist.';
