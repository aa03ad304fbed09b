create function stepgres._lock_families(run_ids uuid[]) returns stepgres._family
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_most int := 1000 + cardinality(_lock_families.run_ids);
    v_family stepgres._family;
begin
    v_family.is_large := cardinality(
        stepgres._list_family(_lock_families.run_ids, false, v_most + 1)
    ) > v_most;
    if not v_family.is_large then
        v_family.active := stepgres._lock_family(_lock_families.run_ids);
        return v_family;
    end if;
    perform stepgres._lock_runs(_lock_families.run_ids);
    select array_agg(r.run_id order by r.run_id) into v_family.active
    from stepgres.runs as r
    where r.run_id = any (_lock_families.run_ids) and r.status = 'started';
    return v_family;
end
$$;

comment on function stepgres._lock_families(uuid[]) is
'Locks runs and the runs under them, and returns the active ones.

If there are more than 1,000 runs under the given ones, only the given runs are locked (is_large).';
