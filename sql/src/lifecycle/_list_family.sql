create function stepgres._list_family(
    run_ids uuid[], are_awaited boolean default false, most int default null
) returns uuid[]
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
        where not are_awaited or r.depth is not null
    )
    select coalesce(array_agg(l.run_id), '{}')
    from (select f.run_id from family as f limit most) as l
$$;

comment on function stepgres._list_family(uuid[], boolean, int) is
'Returns the given runs and the runs under them: all, or (are_awaited) those that their parents wait
for; at most so many.';
