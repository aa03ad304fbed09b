create function stepgres._lock_family(run_id uuid) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_known int := 0;
    v_run_ids uuid[] := array[_lock_family.run_id];
begin
    -- Children may be started until their parent is locked: again, until there are no more. All ids are
    -- made in the order of time, so those of children come after their parent's.
    while cardinality(v_run_ids) > v_known loop
        v_known := cardinality(v_run_ids);
        perform stepgres._lock_runs(v_run_ids);
        v_run_ids := array(
            with recursive family as (
                select _lock_family.run_id
                union
                select r.run_id
                from family as f
                join stepgres.runs as r on r.parent_run_id = f.run_id
            )
            select f.run_id from family as f
        );
    end loop;
    return (
        select array_agg(r.run_id) from stepgres.runs as r
        where r.run_id = any (v_run_ids) and r.status = 'started'
    );
end
$$;

comment on function stepgres._lock_family(uuid) is
'Locks a run and all the runs under it, and returns those that are active.';
