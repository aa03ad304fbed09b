create function stepgres._lock_runs(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The lock order is the same everywhere: runs by run_id, then step states, then tasks. Under
    -- the lock of its run a counter is plain arithmetic, and "was this the last one?" has one
    -- answer.
    perform 1 from stepgres.runs as r
    where r.run_id = any (_lock_runs.run_ids)
    order by r.run_id
    for no key update;
    if cardinality(_lock_runs.run_ids) > 0 then
        perform stepgres._follow();
    end if;
end
$$;

comment on function stepgres._lock_runs(uuid[]) is
'Locks runs for changes, in the one order that cannot deadlock.';
