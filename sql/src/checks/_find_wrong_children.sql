create function stepgres._find_wrong_children() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'an open wait for a child has an active run, or the end of the run is noted', w.run_id,
        format('wait %s: run %s', w.wait_id, w.child_run_id)
    from stepgres.waits as w
    left join stepgres.runs as c on c.run_id = w.child_run_id
    where w.kind = 'child' and w.resolved_at is null and (c.status = 'started') is not true
        and not exists (
            select from stepgres.child_changes as k
            where k.change = 'ended' and k.run_id = w.child_run_id
        )
    union all
    select 'an active awaited run has an open wait, or is noted to be cancelled', r.run_id,
        format('parent %s, depth %s', r.parent_run_id, r.depth)
    from stepgres.runs as r
    where r.depth is not null and r.status = 'started'
        and not exists (
            select from stepgres.waits as w
            where w.child_run_id = r.run_id and w.run_id = r.parent_run_id
                and (w.resolved_at is null or w.is_detached)
        )
        and not exists (
            select from stepgres.child_changes as k
            where k.change = 'cancel' and k.run_id = r.run_id
        )
        -- the cancellation of a large family goes down level by level
        and not exists (
            select from stepgres.child_changes as k
            where k.change = 'cancel' and k.run_id = r.parent_run_id
        )
    union all
    select 'a task whose body is a child waits for it, and no other task does', w.run_id,
        format('task %s/%s: %s', w.step_slug, w.task_index, t.status)
    from stepgres.waits as w
    left join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (w.run_id, w.step_slug, w.task_index)
    where w.kind = 'child' and w.name = '' and w.resolved_at is null
        and (t.status = 'waiting' and t.attempt + 1 = w.number) is not true
    union all
    select 'an end that is noted is one of a run that is not active', c.run_id, c.reason
    from stepgres.child_changes as c
    join stepgres.runs as r on r.run_id = c.run_id and r.status = 'started'
    where c.change = 'ended'
$$;

comment on function stepgres._find_wrong_children() is
'Returns parents and children that contradict one another: part of fsck.';
