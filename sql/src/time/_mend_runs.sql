create function stepgres._mend_runs(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return stepgres._take_back_lost(_mend_runs.run_ids)
        + stepgres._replace_tickets(_mend_runs.run_ids)
        + stepgres._time_out_tasks(_mend_runs.run_ids);
end
$$;

comment on function stepgres._mend_runs(uuid[]) is
'Mends locked runs that _sweep_runs has found, and returns the number of tasks.

It takes back tasks of lost workers, replaces lost tickets, and ends overdue attempts.';
