create function stepgres.list_task_graphs(
    status text default null,
    "limit" int default 100,
    "offset" int default 0,
    after text default null
) returns setof stepgres.task_graph
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after stepgres.task_graphs;
begin
    if status not in ('decomposed', 'approved', 'rejected') then
        raise exception 'task graphs have no status "%"', list_task_graphs.status
            using errcode = 'SG014', hint = 'A task graph is decomposed, approved or rejected.';
    end if;
    perform stepgres._not_negative("limit", 'limit');
    perform stepgres._not_negative("offset", 'offset');
    if list_task_graphs.after is not null then
        select g.* into v_after from stepgres.task_graphs as g
        where g.task_graph_id = list_task_graphs.after;
        if not found then
            perform stepgres._task_graph_not_found(list_task_graphs.after);
        end if;
    end if;
    -- Only one branch reads: the condition of the other is false before it begins.
    return query
    select o.*
    from (
        select l.* from (
            select g.* from stepgres.task_graphs as g
            where list_task_graphs.status is null and (
                v_after.task_graph_id is null
                or (g.decomposed_at, g.task_graph_id)
                    < (v_after.decomposed_at, v_after.task_graph_id)
            )
            order by g.decomposed_at desc, g.task_graph_id desc
            limit coalesce("limit", 100) offset coalesce("offset", 0)
        ) as l
        union all
        select l.* from (
            select g.* from stepgres.task_graphs as g
            where g.status = list_task_graphs.status and (
                v_after.task_graph_id is null
                or (g.decomposed_at, g.task_graph_id)
                    < (v_after.decomposed_at, v_after.task_graph_id)
            )
            order by g.decomposed_at desc, g.task_graph_id desc
            limit coalesce("limit", 100) offset coalesce("offset", 0)
        ) as l
    ) as g
    cross join lateral stepgres._shown_graph(g) as o
    order by o.decomposed_at desc, o.task_graph_id desc;
end
$$;

comment on function stepgres.list_task_graphs(text, int, int, text) is
'Lists task graphs, the newest first.

A task graph with the status decomposed waits for an approval or a rejection.
To page, pass the id of the last row as after; offset passes over rows that are newer.

Errors: SG014 unknown status, or a negative limit or offset; SG019 after is no task graph.';
