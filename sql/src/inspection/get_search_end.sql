create function stepgres.get_search_end(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    after uuid default null
) returns uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    -- run 10,000 is the end if there is one more run
    select case when count(*) = 2 then (
        array_agg(r.run_id order by r.inserted_at desc, r.run_id desc)
    )[1] end
    from stepgres.list_workflow_runs(
        get_search_end.status, get_search_end.workflow_slug, 2, 9999, '{desc,inserted_at}',
        get_search_end.tags, get_search_end.since, get_search_end.until, get_search_end.tag,
        get_search_end.after
    ) as r
$$;

comment on function stepgres.get_search_end(
    text, text, text[], timestamptz, timestamptz, text, uuid
) is
'Returns the last run that list_workflow_runs looks at with search, if there are more runs.

The arguments are the filters of list_workflow_runs. A search looks at the newest 10,000 runs that
pass them: null means that these are all. To search on, pass the result as after.

Errors: SG005 unknown run after, SG014 an unknown status.';
