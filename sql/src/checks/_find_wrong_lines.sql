create function stepgres._find_wrong_lines() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a queued task with limits stands in a line, unless its run is held back', t.run_id,
        format('task %s/%s', t.step_slug, t.task_index)
    from stepgres.tasks as t
    join stepgres.runs as r on r.run_id = t.run_id
    left join stepgres.line_entries as e
        on (e.run_id, e.step_slug, e.task_index) = (t.run_id, t.step_slug, t.task_index)
    where t.status = 'queued' and t.is_limited and e.run_id is null
        and r.paused_at is null and not stepgres._stands_in_line(r.run_id)
    union all
    select 'an entry of a line is a queued task, or an active run', e.run_id,
        format('entry %s of task %s/%s: %s', e.entry_id, e.step_slug, e.task_index, t.status)
    from stepgres.line_entries as e
    left join stepgres.runs as r on r.run_id = e.run_id
    left join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (e.run_id, e.step_slug, e.task_index)
    where r.status is distinct from 'started'
        or (e.step_slug <> '' and t.status is distinct from 'queued')
        or e.is_paused <> (r.paused_at is not null)
    union all
    select 'a place belongs to a started task, or to an active run', p.run_id,
        format('place under limit %s, key %s: task %s/%s', p.limit_slug, p.key, p.step_slug,
            p.task_index)
    from stepgres.places as p
    left join stepgres.runs as r on r.run_id = p.run_id
    left join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (p.run_id, p.step_slug, p.task_index)
    where r.status is distinct from 'started' or (
        p.step_slug <> '' and (t.status, t.claim) is distinct from ('started', p.claim)
    )
    union all
    select 'an entry stands in a line that exists', e.run_id,
        format('entry %s in line %s', e.entry_id, e.line_id)
    from stepgres.line_entries as e
    left join stepgres.lines as l on l.line_id = e.line_id
    where e.line_id > 0 and l.line_id is null
    union all
    select 'a line stands at a key only as long as there is no room', null::uuid,
        format('line %s at limit %s, key %s', l.line_id, l.at_limit, l.at_key)
    from (
        -- The first one of each queue: others may fit, and wait behind it.
        select distinct on (c.at_limit, c.at_key, c.at_lender, c.served_by)
            c.*, stepgres._needs_of(c) as needed
        from stepgres.lines as c
        where c.at_limit <> '' and stepgres._needs_of(c) is not null
        order by c.at_limit, c.at_key, c.at_lender, c.served_by,
            c.priority desc, c.turn, c.head, c.line_id
    ) as l
    join stepgres.limits as o on o.limit_slug = l.at_limit
    left join stepgres.limit_keys as k on (k.limit_slug, k.key) = (l.at_limit, l.at_key)
    cross join lateral stepgres._room(
        o, k, l.at_lender, stepgres._now()
    ) as r
    where coalesce(r.places >= least(l.needed, o.max_running), true)
        and k.opens_at is null
        and not exists (
            select from stepgres.freed_places as f
            where (f.limit_slug, f.key) = (l.at_limit, l.at_key)
        )
        -- The room may be meant for a line that was let go on, and that no worker has looked at.
        and not exists (
            select from stepgres.lines as n
            cross join lateral unnest(n.limit_slugs, n.keys) as u (limit_slug, key)
            where (n.at_limit, n.at_key, n.served_by) = ('', '', l.served_by)
                and (u.limit_slug, u.key) = (l.at_limit, l.at_key)
        )
$$;

comment on function stepgres._find_wrong_lines() is
'Returns entries, places and lines that do not belong together: part of fsck.';
