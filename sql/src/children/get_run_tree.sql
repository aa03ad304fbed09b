create function stepgres.get_run_tree(run_id uuid) returns setof stepgres.run_node
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_root stepgres.runs := stepgres._find_run(get_run_tree.run_id);
begin
    return query
    with recursive tree as (
        select v_root.run_id as node_id, null::uuid as parent_id, 0 as level, array[1::bigint]
            as path, null::text as step_slug, null::int as task_index
        union all
        select c.child_id, t.node_id, t.level + 1,
            t.path || row_number() over (
                partition by t.node_id
                order by c.started_at, c.step_slug, c.task_index, c.child_id
            ),
            c.step_slug, c.task_index
        from tree as t
        cross join lateral (
            -- The children that a retry has kept belong to the retried run, and to this one too.
            select coalesce(w.child_run_id, r.run_id) as child_id, w.step_slug, w.task_index,
                coalesce(w.opened_at, r.inserted_at) as started_at
            from (
                select o.child_run_id, o.step_slug, o.task_index, o.opened_at
                from stepgres.waits as o
                where o.run_id = t.node_id and o.kind = 'child' and o.child_run_id is not null
                    and o.number > 0
            ) as w
            full join (
                select k.run_id, k.inserted_at from stepgres.runs as k
                where k.parent_run_id = t.node_id
            ) as r on r.run_id = w.child_run_id
        ) as c
    )
    select r.run_id, t.parent_id, t.level, t.step_slug, t.task_index, r.workflow_slug, r.version,
        r.status, r.error, r.inserted_at, r.paused_at, r.cancelled_at, r.finished_at
    from tree as t
    join stepgres.runs as r on r.run_id = t.node_id
    order by t.path;
end
$$;

comment on function stepgres.get_run_tree(uuid) is
'Returns a run and all runs under it, each behind its parent: the run first, at level 0.

step_slug and task_index say which task of the parent waits for the run. They are null for a run
that was started with a parent_run_id: nothing waits for it. Children that a retry has kept are
shown under the run that they were started for, and under its retry.

Errors: SG005 unknown run.';
