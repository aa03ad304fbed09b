create function stepgres._simulated_runs(run_id uuid) returns uuid[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with recursive family as (
        select _simulated_runs.run_id as member_id
        union all
        select r.run_id
        from family as f join stepgres.runs as r on r.parent_run_id = f.member_id
    )
    select array_agg(f.member_id) from family as f
$$;

comment on function stepgres._simulated_runs(uuid) is
'Returns a run and all runs below it.';
