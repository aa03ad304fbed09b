create function stepgres.list_workflow_runs(
    status text default null,
    workflow_slug text default null,
    "limit" int default 100,
    "offset" int default 0,
    order_by text[] default '{desc,inserted_at}',
    tags text[] default null
) returns setof stepgres.workflow_run
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := case
        when status not in ('started', 'completed', 'failed') then format('status "%s"', status)
        when "limit" < 0 then format('limit %s', "limit")
        when "offset" < 0 then format('offset %s', "offset")
        when cardinality(order_by) is distinct from 2 or order_by[1] not in ('asc', 'desc')
            or order_by[2] not in ('inserted_at', 'finished_at', 'workflow_slug', 'status')
            then format('order_by %s', coalesce(order_by::text, 'null'))
    end;
    v_source text;
begin
    if v_culprit is not null then
        raise exception 'runs cannot be listed with %', v_culprit
            using errcode = 'SG014', hint = 'status: started, completed, failed. order_by: asc or desc, then inserted_at, '
                'finished_at, workflow_slug or status. limit and offset: at least 0.';
    end if;
    -- Each table holds few rows beside those that are looked for: active and failed runs have theirs;
    -- others are taken from the newest (or oldest) end of each workflow's index.
    v_source := case
        when tags is not null then 'select r.* from stepgres.runs as r where r.tags @> $5'
        when status = 'started' then
            'select r.* from stepgres.active_runs as a join stepgres.runs as r on r.run_id = a.run_id'
        when order_by[2] <> 'inserted_at' then 'select r.* from stepgres.runs as r'
        when status = 'failed' then format(
            'select r.* from (select f.* from stepgres.failed_runs as f order by f.inserted_at %s) as f
             join stepgres.runs as r on r.run_id = f.run_id', order_by[1]
        )
        else format(
            'select l.* from stepgres.workflows as w cross join lateral (
                 select r.* from stepgres.runs as r
                 where r.workflow_slug = w.workflow_slug and ($1 is null or r.status = $1)
                 order by r.inserted_at %s limit $3 + $4
             ) as l where $2 is null or w.workflow_slug = $2', order_by[1]
        )
    end;
    return query execute format(
        'select r.run_id, r.workflow_slug, r.version, r.status, r.input, r.output, r.error, r.failed_step,
             r.priority, r.tags, r.idempotency_key, r.parent_run_id, r.retried_from, r.inserted_at, r.paused_at,
             r.cancelled_at, r.finished_at
         from (%1$s) as r
         where ($1 is null or r.status = $1) and ($2 is null or r.workflow_slug = $2)
         order by r.%2$I %3$s, r.run_id %3$s limit $3 offset $4',
        v_source, order_by[2], order_by[1]
    ) using status, workflow_slug, "limit"::bigint, "offset"::bigint, tags;
end
$$;

comment on function stepgres.list_workflow_runs(text, text, int, int, text[], text[]) is
'Runs, the newest first: those of a status (started, completed or failed), of a workflow, with all of these tags.

order_by is a direction, asc or desc, and one of inserted_at, finished_at, workflow_slug, status. limit null: all.

Errors: SG014 an unknown status or order, a negative limit or offset.';
