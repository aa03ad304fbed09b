create function stepgres._try_lock_runs(run_ids uuid[]) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(_try_lock_runs.run_ids) > 0 then
        perform stepgres._follow();
    end if;
    -- tick() may hold other runs already. Waiting here, out of the order in which runs are locked,
    -- could deadlock. A run that somebody else holds is still due at the next tick.
    return array(
        select r.run_id from stepgres.runs as r
        where r.run_id = any (_try_lock_runs.run_ids)
        order by r.run_id
        for no key update skip locked
    );
end
$$;

comment on function stepgres._try_lock_runs(uuid[]) is
'Locks the runs that no other transaction has locked, and returns them.';
