create function stepgres.count_runs(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null
) returns setof stepgres.run_count
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    v_slug text := stepgres._slug_of(count_runs.workflow_slug);
    v_tags text[] := stepgres._all_tags(count_runs.tags, count_runs.tag);
begin
    perform stepgres._check_filter(count_runs.status);
    return query
    select r.workflow_slug, r.status, count(*), count(r.paused_at), count(r.cancelled_at)
    from stepgres.runs as r
    where (count_runs.status is null or r.status = count_runs.status)
        and (v_slug is null or r.workflow_slug = v_slug) and (v_tags is null or r.tags @> v_tags)
        and (count_runs.since is null or r.inserted_at >= count_runs.since)
        and (count_runs.until is null or r.inserted_at <= count_runs.until)
    group by r.workflow_slug, r.status
    order by r.workflow_slug, r.status;
end
$$;

comment on function stepgres.count_runs(text, text, text[], timestamptz, timestamptz, text) is
'Counts the runs of each workflow by status, and how many of these runs are paused or cancelled.

The filters are the filters of list_workflow_runs. The function reads every run that it counts: if
there are many runs, pass since to make the call short.

Errors: SG014 an unknown status.';
