create function stepgres._pause_families(run_ids uuid[]) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_active uuid[] := stepgres._lock_family(_pause_families.run_ids, are_awaited => true);
    v_roots uuid[];
    v_below uuid[];
begin
    select array_agg(r.run_id) filter (where k.is_root),
        array_agg(r.run_id) filter (where not k.is_root)
    into v_roots, v_below
    from unnest(v_active) as i (run_id)
    join stepgres.runs as r on r.run_id = i.run_id
    cross join lateral (
        select r.depth is null or r.parent_run_id not in (select unnest(v_active)) as is_root
    ) as k;
    return stepgres._pause_runs(v_roots)
        || case
            when v_below is not null then stepgres._pause_runs(v_below, is_inherited => true)
        end;
end
$$;

comment on function stepgres._pause_families(uuid[]) is
'Pauses runs and the children that they wait for; returns the runs that were not paused before.';
