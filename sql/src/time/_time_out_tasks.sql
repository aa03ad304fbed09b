create function stepgres._time_out_tasks(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_overdue stepgres._task_failure[] := stepgres._find_overdue_tasks(_time_out_tasks.run_ids);
begin
    if v_overdue <> '{}' then
        perform stepgres._advance(stepgres._fail_tasks(v_overdue));
    end if;
    return cardinality(v_overdue);
end
$$;

comment on function stepgres._time_out_tasks(uuid[]) is
'Ends the overdue attempts of these runs, and returns their number.

An attempt is overdue after the timeout of its step and the lease of its worker.';
