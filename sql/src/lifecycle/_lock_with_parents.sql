create function stepgres._lock_with_parents(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._lock_runs(array(
        select i from stepgres.runs as r
        cross join unnest(array[r.run_id, r.parent_run_id]) as i
        where r.run_id = any (_lock_with_parents.run_ids)
    ));
end
$$;

comment on function stepgres._lock_with_parents(uuid[]) is
'Locks runs that are to be copied, and their parents, which the new runs may join: in one order.';
