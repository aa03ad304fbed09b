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
    perform stepgres._not_negative(most, 'most');
    if most is null then
        return query
        select r.workflow_slug, r.status, count(*), count(r.paused_at), count(r.cancelled_at)
        from stepgres.runs as r
        where (count_runs.status is null or r.status = count_runs.status)
            and (v_slug is null or r.workflow_slug = v_slug)
            and (v_tags is null or r.tags @> v_tags)
            and (count_runs.since is null or r.inserted_at >= count_runs.since)
            and (count_runs.until is null or r.inserted_at <= count_runs.until)
        group by r.workflow_slug, r.status
        order by r.workflow_slug, r.status;
        return;
    end if;
    -- Active and failed runs have tables of their own. Almost all other runs are completed, so each
    -- part ends soon after it has found enough. "offset 0" and the order lead to index lookups.
    return query
    select r.workflow_slug, r.status, count(*), count(r.paused_at), count(r.cancelled_at)
    from (
        (
            select r.workflow_slug, r.status, r.paused_at, r.cancelled_at
            from stepgres.workflows as w
            cross join lateral (
                select o.run_id from stepgres.active_runs as o
                where o.workflow_slug = w.workflow_slug
                    and (count_runs.since is null or o.inserted_at >= count_runs.since)
                    and (count_runs.until is null or o.inserted_at <= count_runs.until)
                order by o.inserted_at desc, o.run_id desc
                limit case when v_tags is null then most end
            ) as a
            cross join lateral (
                select r.* from stepgres.runs as r where r.run_id = a.run_id offset 0
            ) as r
            where (v_slug is null or w.workflow_slug = v_slug)
                and (v_tags is null or r.tags @> v_tags)
                and coalesce(count_runs.status, 'started') = 'started'
            limit most
        )
        union all
        (
            select r.workflow_slug, r.status, r.paused_at, r.cancelled_at
            from stepgres.workflows as w
            cross join lateral (
                select o.run_id from stepgres.failed_runs as o
                where o.workflow_slug = w.workflow_slug
                    and (count_runs.since is null or o.inserted_at >= count_runs.since)
                    and (count_runs.until is null or o.inserted_at <= count_runs.until)
                order by o.inserted_at desc, o.run_id desc
                limit case when v_tags is null then most end
            ) as f
            cross join lateral (
                select r.* from stepgres.runs as r where r.run_id = f.run_id offset 0
            ) as r
            where (v_slug is null or w.workflow_slug = v_slug)
                and (v_tags is null or r.tags @> v_tags)
                and coalesce(count_runs.status, 'failed') = 'failed'
            limit most
        )
        union all
        (
            select r.workflow_slug, r.status, r.paused_at, r.cancelled_at
            from stepgres.workflows as w
            cross join lateral (
                select r.workflow_slug, r.status, r.paused_at, r.cancelled_at
                from stepgres.runs as r
                where r.workflow_slug = w.workflow_slug and r.status = 'completed'
                    and (count_runs.since is null or r.inserted_at >= count_runs.since)
                    and (count_runs.until is null or r.inserted_at <= count_runs.until)
                    and (v_tags is null or r.tags @> v_tags)
                order by r.inserted_at desc, r.run_id desc
                limit most
            ) as r
            where (v_slug is null or w.workflow_slug = v_slug)
                and coalesce(count_runs.status, 'completed') = 'completed'
            limit most
        )
    ) as r
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
