create function stepgres.list_workflow_runs(
    status text default null,
    workflow_slug text default null,
    "limit" int default 100,
    "offset" int default 0,
    order_by text[] default '{desc,inserted_at}',
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    after uuid default null,
    search text default null,
    payloads boolean default true
) returns setof stepgres.workflow_run
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    v_slug text := stepgres._slug_of(list_workflow_runs.workflow_slug);
    v_tags text[] := stepgres._all_tags(list_workflow_runs.tags, list_workflow_runs.tag);
    v_last stepgres.runs;
    v_key text := case order_by[2]
        when 'finished_at' then 'coalesce(%s.finished_at, ''infinity'')'
        else '%s.' || order_by[2]
    end;
    v_by_time boolean := order_by[2] = 'inserted_at';
    v_source text;
begin
    perform stepgres._check_filter(list_workflow_runs.status);
    perform stepgres._not_negative("limit", 'limit');
    perform stepgres._not_negative("offset", 'offset');
    if (
        cardinality(order_by) = 2 and order_by[1] in ('asc', 'desc')
        and order_by[2] in ('inserted_at', 'finished_at', 'workflow_slug', 'status')
    ) is not true then
        raise exception 'runs cannot be listed with order_by %', coalesce(order_by::text, 'null')
            using errcode = 'SG014',
                hint = 'order_by: asc or desc, then inserted_at, finished_at, workflow_slug or '
                    'status.';
    end if;
    if after is not null then
        v_last := stepgres._find_run(list_workflow_runs.after);
    end if;
    -- Active and failed runs have tables of their own, which hold few other rows. The query reads
    -- the newest (or oldest) end of the index of each workflow, unless tags are rarer.
    v_source := case
        when status in ('started', 'failed') and v_tags is null
            and (v_by_time or search is not null) then
            'select r.* from stepgres.workflows as w cross join lateral (
                 select f.run_id from stepgres.%3$I as f
                 where f.workflow_slug = w.workflow_slug and ($2 is null or w.workflow_slug = $2)
                     and ($6 is null or f.inserted_at >= $6) and ($7 is null or f.inserted_at <= $7)
                     and ($10 is null or (f.inserted_at, f.run_id) %4$s (($9).inserted_at, $10))
                 order by f.inserted_at %6$s, f.run_id %6$s limit %7$s
             ) as f
             cross join lateral (
                 select r.* from stepgres.runs as r where r.run_id = f.run_id offset 0
             ) as r'
        when status = 'started' and search is null then
            'select r.* from stepgres.active_runs as a
             join stepgres.runs as r on r.run_id = a.run_id'
        when not v_by_time and search is null then 'select r.* from stepgres.runs as r'
        else
            'select l.* from stepgres.workflows as w cross join lateral (
                 select r.* from stepgres.runs as r
                 where r.workflow_slug = w.workflow_slug and ($1 is null or r.status = $1)
                     and ($2 is null or w.workflow_slug = $2) and ($5 is null or r.tags @> $5)
                     and ($6 is null or r.inserted_at >= $6) and ($7 is null or r.inserted_at <= $7)
                     and ($10 is null or (r.inserted_at, r.run_id) %4$s (($9).inserted_at, $10))
                 order by r.inserted_at %6$s, r.run_id %6$s limit %7$s
             ) as l'
    end;
    if search is not null then
        v_source := 'select s.* from (
                 select l.* from (' || v_source || ') as l
                 order by l.inserted_at desc, l.run_id desc limit %7$s
             ) as s
             cross join lateral (
                 select lower(concat_ws(e''\n'', s.error, s.input)) as words offset 0
             ) as t
             where strpos(t.words, $11) > 0 or strpos(t.words, $12) > 0';
    end if;
    return query execute format(
        'select r.run_id, r.workflow_slug, r.version, r.status, case when $13 then r.input end,
             case when $13 then r.output end, r.error, r.failed_step, r.priority, r.tags,
             r.idempotency_key, r.parent_run_id, r.retried_from, r.task_graph_id, r.inserted_at,
             r.paused_at, r.cancelled_at, r.finished_at, r.forked_from, r.unique_key,
             r.payloads_deleted_at, r.failure_of
         from (' || v_source || ') as r
         where ($1 is null or r.status = $1) and ($2 is null or r.workflow_slug = $2)
             and ($5 is null or r.tags @> $5)
             and ($6 is null or r.inserted_at >= $6) and ($7 is null or r.inserted_at <= $7)
             and ($8 is null or (%1$s, r.run_id) %4$s (%5$s, $8))
         order by %1$s %2$s, r.run_id %2$s limit $3 offset $4',
        format(v_key, 'r'), order_by[1],
        case status when 'started' then 'active_runs' else 'failed_runs' end,
        case order_by[1] when 'asc' then '>' else '<' end, format(v_key, '($9)'),
        case when search is null then order_by[1] else 'desc' end,
        case when search is null then '$3 + $4' else '10000' end -- as in get_search_end
    ) using status, v_slug, "limit"::bigint, "offset"::bigint, v_tags, since, until, after, v_last,
        case when v_by_time then after end, lower(search),
        -- as the text of JSON has it, between its quotes
        lower(regexp_replace(to_json(search)::text, '^.|.$', '', 'g')), payloads is not false;
end
$$;

comment on function stepgres.list_workflow_runs(
    text, text, int, int, text[], text[], timestamptz, timestamptz, text, uuid, text,
    boolean
) is
'Lists the runs that pass the filters, the newest first.

The filters: status is started, completed or failed; workflow_slug is the workflow of the run; the
run has all of tags, and also tag; the run started at since or later, and at until or earlier.
workflow_slug may be the name of a class: "OrderLines" means "order_lines" if there is no workflow
"OrderLines".

order_by is a direction, asc or desc, and one of inserted_at, finished_at, workflow_slug, status.
limit null returns all runs. To page, pass the last run of a page as after. With after each page
costs the same, and runs that start or end meanwhile move no other run to another page. An offset
guarantees neither.

search finds runs with this text in their input or error, in upper or lower case. It looks only at
the newest 10,000 of the runs that pass the other filters and, in the order of inserted_at, come
behind after: get_search_end says whether there are more.

With payloads false, input and output are null. A list without large values is read faster.

Errors: SG005 unknown run after, SG014 an unknown status or order, a negative limit or offset.';
