create function stepgres._mend_runs(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return stepgres._take_back_lost(_mend_runs.run_ids) + stepgres._replace_tickets(_mend_runs.run_ids)
        + stepgres._time_out_tasks(_mend_runs.run_ids);
end
$$;

comment on function stepgres._mend_runs(uuid[]) is
'Mends what _sweep_runs has found in runs: tasks of lost workers, lost tickets, overdue attempts; returns their number.';
