create function stepgres._find_wrong_tasks() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a waiting task has a timer or open waits, and a timer a waiting task',
        coalesce(m.run_id, t.run_id),
        format('task %s/%s: %s', coalesce(m.step_slug, t.step_slug),
            coalesce(m.task_index, t.task_index), t.status)
    from (select k.* from stepgres.timers as k where k.kind in ('task', 'wake')) as m
    full join (select w.* from stepgres.tasks as w where w.status = 'waiting') as t
        on (t.run_id, t.step_slug, t.task_index) = (m.run_id, m.step_slug, m.task_index)
    where (m.run_id is null or t.run_id is null) and not exists (
        select from stepgres.waits as w
        -- a wait that the body has left behind wakes nobody
        left join stepgres.suspensions as u
            on (u.run_id, u.step_slug, u.task_index, u.claim)
                = (t.run_id, t.step_slug, t.task_index, t.claim)
        where (w.run_id, w.step_slug, w.task_index) = (t.run_id, t.step_slug, t.task_index)
            and w.resolved_at is null
            and (u.waits_for is null or w.wait_id = any (u.waits_for))
    )
    union all
    select 'the checkpoints of a task count from 1, and attempts from a number of its own',
        t.run_id,
        format('task %s/%s: %s checkpoints up to %s, counted from %s', t.step_slug, t.task_index,
            c.checkpoints, c.places, t.counted_from)
    from stepgres.tasks as t
    cross join lateral (
        select count(*) as checkpoints, coalesce(max(o.place), 0) as places
        from stepgres.checkpoints as o
        where (o.run_id, o.step_slug, o.task_index) = (t.run_id, t.step_slug, t.task_index)
    ) as c
    where c.checkpoints <> c.places or t.counted_from > t.attempt
        or (c.checkpoints > 0 and t.counted_from is null)
    union all
    select 'an open wait of a body belongs to a task that has not finished', w.run_id,
        format('wait %s of task %s/%s: %s', w.wait_id, w.step_slug, w.task_index, t.status)
    from stepgres.waits as w
    left join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (w.run_id, w.step_slug, w.task_index)
    where w.name <> '' and w.resolved_at is null
        and (t.status in ('queued', 'started', 'waiting')) is not true
    union all
    select 'checkpoints, suspensions, logs, progress and traces belong to a task', k.run_id,
        format('task %s/%s', k.step_slug, k.task_index)
    from (
        select c.run_id, c.step_slug, c.task_index from stepgres.checkpoints as c
        union
        select s.run_id, s.step_slug, s.task_index from stepgres.suspensions as s
        union
        select l.run_id, l.step_slug, l.task_index from stepgres.logs as l
        union
        select p.run_id, p.step_slug, p.task_index from stepgres.task_progress as p
        union
        select c.run_id, c.step_slug, c.task_index from stepgres.task_traces as c
    ) as k
    left join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
    where t.run_id is null
    union all
    select 'timers of active runs go on, of paused runs stand still, of finished runs are gone',
        m.run_id, format('%s %s: %s', m.kind, m.step_slug, m.due_at)
    from stepgres.timers as m
    left join stepgres.runs as r on r.run_id = m.run_id
    where r.status is distinct from 'started' or (r.paused_at is null) <> (m.remaining is null)
    union all
    select 'no task of a paused run was claimed after the pause', t.run_id,
        format('task %s/%s: %s', t.step_slug, t.task_index, t.started_at)
    from stepgres.tasks as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.started_at > r.paused_at
    union all
    select 'a queued task has a ticket, a place in a line, an executor, or a paused run', t.run_id,
        format('task %s/%s', t.step_slug, t.task_index)
    from stepgres.tasks as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.status = 'queued' and (
        (
            t.msg_id is null and r.executor_id is null and r.paused_at is null
            and t.is_limited is null and not stepgres._stands_in_line(r.run_id)
        )
        or (t.msg_id is not null and r.paused_at is not null)
    )
    union all
    select 'a started task has a worker', t.run_id,
        format('task %s/%s: %s', t.step_slug, t.task_index, t.worker_id)
    from stepgres.tasks as t
    left join stepgres.workers as w on w.worker_id = t.worker_id
    where t.status = 'started' and w.worker_id is null
    union all
    select 'every failed attempt is recorded', t.run_id,
        format('task %s/%s: attempt %s, %s recorded', t.step_slug, t.task_index, t.attempt,
            a.failed)
    from stepgres.tasks as t
    cross join lateral (
        select count(*) as failed from stepgres.attempts as f
        where (f.run_id, f.step_slug, f.task_index) = (t.run_id, t.step_slug, t.task_index)
    ) as a
    where t.status <> 'cancelled'
        and a.failed <> t.attempt - case when t.status in ('started', 'completed') then 1 else 0 end
$$;

comment on function stepgres._find_wrong_tasks() is
'Returns tasks without what their status needs, and timers without their task: part of fsck.';
