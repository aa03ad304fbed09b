create function stepgres._lenders_of(
    run_id uuid, is_run boolean, limit_slugs text[], keys text[]
) returns uuid[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- A run cannot end before those that it waits for, so its place stays.
    with recursive above as (
        select r.run_id, r.parent_run_id, r.depth, 0 as distance
        from stepgres.runs as r where r.run_id = _lenders_of.run_id
        union all
        select p.run_id, p.parent_run_id, p.depth, a.distance + 1
        from above as a
        join stepgres.runs as p on p.run_id = a.parent_run_id
        where a.depth is not null
    )
    select array(
        select (
            select a.run_id
            from above as a
            join stepgres.places as p
                on (p.run_id, p.step_slug, p.task_index, p.limit_slug, p.key)
                    = (a.run_id, '', 0, u.limit_slug, u.key)
            where a.distance > 0 or not is_run
            order by a.distance
            limit 1
        )
        from unnest(_lenders_of.limit_slugs, _lenders_of.keys)
            with ordinality as u (limit_slug, key, number)
        order by u.number
    )
$$;

comment on function stepgres._lenders_of(uuid, boolean, text[], text[]) is
'Returns, for each limit and key, the run that lends its place to a task of a run, or to the run.

That is the nearest run with a place under the limit and key: the run of the task, or a run that
waits for it. null: there is none.';
