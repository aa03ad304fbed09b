create function stepgres._list_children(run_ids uuid[]) returns uuid[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(r.run_id order by r.run_id)
    from stepgres.runs as r
    where r.parent_run_id = any (_list_children.run_ids) and (
        r.status = 'started'
        or exists (select from stepgres.runs as c where c.parent_run_id = r.run_id)
    )
$$;

comment on function stepgres._list_children(uuid[]) is
'Returns the children of runs that are active, or have children themselves; null if there is none.';
