create function stepgres._pick_entries(
    served_by text[],
    worker stepgres.workers,
    run_ids uuid[],
    least_priority int,
    room int,
    passed bigint[]
) returns stepgres._picked_entry[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    with fronts as materialized (
        select l.*
        from unnest(_pick_entries.served_by) as q (served_by)
        cross join lateral (
            select o.* from stepgres.lines as o
            where (o.at_limit, o.at_key, o.served_by) = ('', '', q.served_by)
                and o.priority >= _pick_entries.least_priority
                and o.line_id <> all (_pick_entries.passed)
                and (
                    o.resources = '{}' or o.served_by like '@%'
                    or worker.resources @> o.resources
                )
                and (
                    o.served_by = '' or o.served_by like '@%' or worker.knows is null
                    or (worker.knows -> 'workflows' ->> o.workflow_slug)::int = o.version
                    or stepgres._knows_step(worker.knows, o.workflow_slug, o.version, o.step_slug)
                )
            order by o.priority desc, o.turn, o.head
            limit _pick_entries.room
        ) as l
    ),
    firsts as materialized (
        select f.* from fronts as f
        where f.priority = (select max(o.priority) from fronts as o)
        order by f.turn, f.head
        limit _pick_entries.room
    ),
    picked as (
        select f.line_id, e.entry_id, e.run_id, e.step_slug, e.task_index, e.weights
        from firsts as f
        cross join lateral (
            select o.* from stepgres.line_entries as o
            where o.line_id = f.line_id and not o.is_paused
                and (f.served_by not like '@%' or o.run_id = any (_pick_entries.run_ids))
            order by o.entry_id
            limit (
                select ceil(_pick_entries.room::numeric / count(distinct g.fair_group))
                from firsts as g
            )
            for update skip locked
        ) as e
    ),
    locked as (
        select t.*
        from picked as p
        cross join lateral (
            select o.ctid as row_id, o.run_id, o.step_slug, o.task_index
            from stepgres.tasks as o
            where (o.run_id, o.step_slug, o.task_index) = (p.run_id, p.step_slug, p.task_index)
                and o.status = 'queued'
            offset 0
            for no key update skip locked
        ) as t
    )
    select array_agg((
        l.line, p.entry_id, p.run_id, p.step_slug, p.task_index, p.weights, t.row_id
    )::stepgres._picked_entry)
    from firsts as f
    cross join lateral (
        select o as line from stepgres.lines as o where o.line_id = f.line_id offset 0
    ) as l
    left join picked as p on p.line_id = f.line_id
    left join locked as t
        on (t.run_id, t.step_slug, t.task_index) = (p.run_id, p.step_slug, p.task_index)
$$;

comment on function stepgres._pick_entries(
    text[], stepgres.workers, uuid[], int, int, bigint[]
) is
'Locks the entries and tasks that are next in the lines with the highest priority.

Only lines that are passed over are left out. A line without an entry to pick has one row without an
entry_id; a task that another transaction has locked has no row_id.';
