create function stepgres._cancel_runs(run_ids uuid[], reason text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._fail_runs(
        array(
            select (
                i, null, stepgres._shorten(coalesce(_cancel_runs.reason, 'cancelled'))
            )::stepgres._run_failure
            from unnest(_cancel_runs.run_ids) as i
        ),
        is_cancelled => true
    );
end
$$;

comment on function stepgres._cancel_runs(uuid[], text) is
'Cancels active runs that the caller has locked.';
