create function stepgres._run_is_finished(run_id uuid, status text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'run % has %', run_id, status
        using errcode = 'SG011',
            hint = 'An ended run does not change; retry_failed_workflow starts a new run.';
end
$$;

comment on function stepgres._run_is_finished(uuid, text) is
'Raises SG011: the run has ended.';
