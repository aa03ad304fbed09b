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
set jit = off
as $$
declare
    v_culprit text := case
        when status not in ('started', 'completed', 'failed') then format('status "%s"', status)
        when "limit" < 0 then format('limit %s', "limit")
        when "offset" < 0 then format('offset %s', "offset")
        when (
            cardinality(order_by) = 2 and order_by[1] in ('asc', 'desc')
            and order_by[2] in ('inserted_at', 'finished_at', 'workflow_slug', 'status')
        ) is not true
            then format('order_by %s', coalesce(order_by::text, 'null'))
    end;
    v_slug text := stepgres._slug_of(list_workflow_runs.workflow_slug);
    v_source text;
begin
    if v_culprit is not null then
        raise exception 'runs cannot be listed with %', v_culprit
            using errcode = 'SG014', hint = 'status: started, completed, failed. order_by: asc or desc, then inserted_at, '
                'finished_at, workflow_slug or status. limit and offset: at least 0.';
    end if;
    -- Active and failed runs have tables of their own, with few rows beside those that are looked for. Each list is
    -- taken from the newest (or oldest) end of each workflow's index, unless tags are rarer.
    v_source := case
        when status in ('started', 'failed') and tags is null and order_by[2] = 'inserted_at' then
            'select r.* from stepgres.workflows as w cross join lateral (
                 select f.run_id from stepgres.%3$I as f
                 where f.workflow_slug = w.workflow_slug and ($2 is null or w.workflow_slug = $2)
                 order by f.inserted_at %2$s limit $3 + $4
             ) as f
             join stepgres.runs as r on r.run_id = f.run_id'
        when status = 'started' then
            'select r.* from stepgres.active_runs as a join stepgres.runs as r on r.run_id = a.run_id'
        when order_by[2] <> 'inserted_at' then 'select r.* from stepgres.runs as r'
        else
            'select l.* from stepgres.workflows as w cross join lateral (
                 select r.* from stepgres.runs as r
                 where r.workflow_slug = w.workflow_slug and ($1 is null or r.status = $1)
                     and ($2 is null or w.workflow_slug = $2) and ($5 is null or r.tags @> $5)
                 order by r.inserted_at %2$s limit $3 + $4
             ) as l'
    end;
    return query execute format(
        'select r.run_id, r.workflow_slug, r.version, r.status, r.input, r.output, r.error, r.failed_step,
             r.priority, r.tags, r.idempotency_key, r.parent_run_id, r.retried_from, r.task_graph_id, r.inserted_at,
             r.paused_at, r.cancelled_at, r.finished_at
         from (' || v_source || ') as r
         where ($1 is null or r.status = $1) and ($2 is null or r.workflow_slug = $2)
             and ($5 is null or r.tags @> $5)
         order by r.%1$I %2$s, r.run_id %2$s limit $3 offset $4',
        order_by[2], order_by[1], case status when 'started' then 'active_runs' else 'failed_runs' end
    ) using status, v_slug, "limit"::bigint, "offset"::bigint, tags;
end
$$;

comment on function stepgres.list_workflow_runs(text, text, int, int, text[], text[]) is
'Runs, the newest first: those of a status (started, completed or failed), of a workflow, with all of these tags.

order_by is a direction, asc or desc, and one of inserted_at, finished_at, workflow_slug, status. limit null: all. The
workflow may be given by the name of its class: "OrderLines" is "order_lines" where there is no workflow "OrderLines".

Errors: SG014 an unknown status or order, a negative limit or offset.';
