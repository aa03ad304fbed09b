create function stepgres.count_runs(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    most int default null
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
    if most < 0 then
        raise exception 'runs cannot be counted up to %', most
            using errcode = 'SG014', hint = 'most is at least 0; null counts all runs.';
    end if;
    return query
    select r.workflow_slug, r.status, count(*), count(r.paused_at), count(r.cancelled_at)
    from (
        -- A failed run is in failed_runs and an active run in active_runs, so that few other runs
        -- are read before there are enough.
        (
            select r.* from stepgres.active_runs as a
            join stepgres.runs as r on r.run_id = a.run_id
            where (v_slug is null or a.workflow_slug = v_slug)
                and (count_runs.since is null or a.inserted_at >= count_runs.since)
                and (count_runs.until is null or a.inserted_at <= count_runs.until)
                and (v_tags is null or r.tags @> v_tags)
                and coalesce(count_runs.status, 'started') = 'started'
            limit most
        )
        union all
        (
            select r.* from stepgres.failed_runs as f
            join stepgres.runs as r on r.run_id = f.run_id
            where (v_slug is null or f.workflow_slug = v_slug)
                and (count_runs.since is null or f.inserted_at >= count_runs.since)
                and (count_runs.until is null or f.inserted_at <= count_runs.until)
                and (v_tags is null or r.tags @> v_tags)
                and coalesce(count_runs.status, 'failed') = 'failed'
            limit most
        )
        union all
        (
            select r.* from stepgres.runs as r
            where r.status = 'completed'
                and (v_slug is null or r.workflow_slug = v_slug)
                and (count_runs.since is null or r.inserted_at >= count_runs.since)
                and (count_runs.until is null or r.inserted_at <= count_runs.until)
                and (v_tags is null or r.tags @> v_tags)
                and coalesce(count_runs.status, 'completed') = 'completed'
            limit most
        )
    ) as r
    where (count_runs.status is null or r.status = count_runs.status)
        and (v_slug is null or r.workflow_slug = v_slug) and (v_tags is null or r.tags @> v_tags)
        and (count_runs.since is null or r.inserted_at >= count_runs.since)
        and (count_runs.until is null or r.inserted_at <= count_runs.until)
    group by r.workflow_slug, r.status
    order by r.workflow_slug, r.status;
end
$$;

comment on function stepgres.count_runs(
    text, text, text[], timestamptz, timestamptz, text, int
) is
'Counts the runs of each workflow by status, and how many of these runs are paused or cancelled.

The filters are the filters of list_workflow_runs. The function reads every run that it counts: if
there are many runs, pass since to make the call short. With most, it counts at most so many runs of
each status. If the runs of a status add up to most, there may be more.

Errors: SG014 an unknown status, a negative most.';
