create function stepgres.list_task_graphs(
    status text default null, "limit" int default 100, "offset" int default 0
) returns setof stepgres.task_graph
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if status not in ('decomposed', 'approved', 'rejected') then
        raise exception 'task graphs have no status "%"', list_task_graphs.status
            using errcode = 'SG014', hint = 'A task graph is decomposed, approved or rejected.';
    elsif "limit" < 0 or "offset" < 0 then
        raise exception 'limit and offset must not be negative'
            using errcode = 'SG014',
                hint = 'Leave limit and offset out for the first 100 task graphs.';
    end if;
    return query
    select o.* from stepgres.task_graphs as g cross join lateral stepgres._shown_graph(g) as o
    where g.status = list_task_graphs.status or list_task_graphs.status is null
    order by g.decomposed_at desc, g.task_graph_id desc
    limit coalesce("limit", 100) offset coalesce("offset", 0);
end
$$;

comment on function stepgres.list_task_graphs(text, int, int) is
'Lists task graphs, the newest first.

A task graph with the status decomposed waits for an approval or a rejection.

Errors: SG014 unknown status, or a negative limit or offset.';
