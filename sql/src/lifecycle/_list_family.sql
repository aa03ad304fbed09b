create function stepgres._list_family(run_ids uuid[]) returns uuid[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    with recursive family as (
        select i.run_id from unnest(_list_family.run_ids) as i (run_id)
        where i.run_id is not null
        union
        select r.run_id
        from family as f
        join stepgres.runs as r on r.parent_run_id = f.run_id
    )
    select coalesce(array_agg(f.run_id), '{}') from family as f
$$;

comment on function stepgres._list_family(uuid[]) is
'Returns the given runs and all the runs under them.';
