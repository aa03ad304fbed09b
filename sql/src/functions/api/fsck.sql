create function stepgres.fsck() returns setof stepgres.fsck_violation
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    with finished_dependencies as (
        select t.run_id, d.step_slug, count(*) filter (where t.finished_at is null) as unfinished
        from stepgres.runs as r
        join stepgres.step_states as t on t.run_id = r.run_id
        join stepgres.dependencies as d
            on (d.workflow_slug, d.version, d.depends_on) = (r.workflow_slug, r.version, t.step_slug)
        group by t.run_id, d.step_slug
    ),
    counted_tasks as (
        select t.run_id, t.step_slug, count(*) as tasks,
            count(*) filter (where t.finished_at is not null) as finished,
            count(*) filter (where t.finished_at is null) as unfinished
        from stepgres.tasks as t
        group by t.run_id, t.step_slug
    ),
    counted_steps as (
        select t.run_id, count(*) filter (where t.finished_at is null) as unfinished
        from stepgres.step_states as t
        group by t.run_id
    )
    select 'remaining_deps equals a recount', t.run_id,
        format('step %s: %s, counted %s', t.step_slug, t.remaining_deps, coalesce(f.unfinished, 0))
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id and r.status = 'started'
    left join finished_dependencies as f on f.run_id = t.run_id and f.step_slug = t.step_slug
    where t.finished_at is null and t.remaining_deps <> coalesce(f.unfinished, 0)
    union all
    select 'remaining_tasks equals a recount', t.run_id,
        format('step %s: %s, counted %s', t.step_slug, t.remaining_tasks, t.initial_tasks - coalesce(c.finished, 0))
    from stepgres.step_states as t
    left join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status in ('started', 'completed') and t.remaining_tasks <> t.initial_tasks - coalesce(c.finished, 0)
    union all
    select 'a started step has the tasks that it has expanded', t.run_id,
        format('step %s: %s tasks', t.step_slug, coalesce(c.tasks, 0))
    from stepgres.step_states as t
    left join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status in ('started', 'completed')
        and coalesce(c.tasks, 0) <> case when t.map then t.expanded_tasks else t.initial_tasks end
    union all
    select 'a step that waits, or has ended, has no unfinished task', t.run_id, format('step %s', t.step_slug)
    from stepgres.step_states as t
    join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status <> 'started' and c.unfinished > 0
    union all
    select 'remaining_steps equals a recount', r.run_id,
        format('%s, counted %s', r.remaining_steps, coalesce(c.unfinished, 0))
    from stepgres.runs as r
    left join counted_steps as c on c.run_id = r.run_id
    where r.remaining_steps <> coalesce(c.unfinished, 0)
    union all
    select 'the status of a run follows from its steps', r.run_id,
        format('%s with step %s %s', r.status, t.step_slug, t.status)
    from stepgres.runs as r
    join stepgres.step_states as t on t.run_id = r.run_id
    where r.status <> 'failed' and t.status in ('failed', 'cancelled')
    union all
    select 'active_runs are the runs that are not finished', coalesce(a.run_id, r.run_id),
        coalesce(r.status, 'no such run')
    from stepgres.active_runs as a
    full join stepgres.runs as r on r.run_id = a.run_id
    where (a.run_id is not null) <> coalesce(r.status = 'started', false)
    union all
    select 'failed_runs are the runs that have failed', coalesce(f.run_id, r.run_id),
        coalesce(r.status, 'no such run')
    from stepgres.failed_runs as f
    full join stepgres.runs as r on r.run_id = f.run_id
    where (f.run_id is not null) <> coalesce(r.status = 'failed', false)
    union all
    select 'a waiting task has a timer, and a timer a waiting task', coalesce(m.run_id, t.run_id),
        format('task %s/%s: %s', coalesce(m.step_slug, t.step_slug), coalesce(m.task_index, t.task_index), t.status)
    from (select k.* from stepgres.timers as k where k.kind = 'task') as m
    full join (select w.* from stepgres.tasks as w where w.status = 'waiting') as t
        on (t.run_id, t.step_slug, t.task_index) = (m.run_id, m.step_slug, m.task_index)
    where m.run_id is null or t.run_id is null
    union all
    select 'timers of active runs go on, of paused runs stand still, of finished runs are gone', m.run_id,
        format('%s %s: %s', m.kind, m.step_slug, m.due_at)
    from stepgres.timers as m
    left join stepgres.runs as r on r.run_id = m.run_id
    where r.status is distinct from 'started' or (r.paused_at is null) <> (m.remaining is null)
    union all
    select 'a ready step has started, unless its run is held back', t.run_id, format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.status = 'created' and t.remaining_deps = 0 and r.paused_at is null and not exists (
        select from stepgres.timers as m where m.run_id = r.run_id and m.kind = 'run_start'
    )
    union all
    select 'no task of a paused run was claimed after the pause', t.run_id,
        format('task %s/%s: %s', t.step_slug, t.task_index, t.started_at)
    from stepgres.tasks as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.started_at > r.paused_at
    union all
    select 'a skipped step has no accepted result', t.run_id, format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.tasks as k on k.run_id = t.run_id and k.step_slug = t.step_slug
    where t.status = 'skipped' and not t.map and k.status = 'completed'
    union all
    select 'skipped_tasks equals a recount', t.run_id, format('step %s: %s', t.step_slug, t.skipped_tasks)
    from stepgres.step_states as t
    where t.status in ('started', 'completed') and t.skipped_tasks <> (
        select count(*) from stepgres.tasks as k
        where k.run_id = t.run_id and k.step_slug = t.step_slug and k.status = 'skipped'
    )
    union all
    select * from stepgres._find_stray_tickets()
    union all
    select 'a queued task has a ticket, or an executor, or a paused run', t.run_id, format('task %s/%s', t.step_slug, t.task_index)
    from stepgres.tasks as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.status = 'queued' and (
        (t.msg_id is null and r.executor_id is null and r.paused_at is null)
        or (t.msg_id is not null and r.paused_at is not null)
    )
    union all
    select 'a started task has a worker', t.run_id, format('task %s/%s: %s', t.step_slug, t.task_index, t.worker_id)
    from stepgres.tasks as t
    left join stepgres.workers as w on w.worker_id = t.worker_id
    where t.status = 'started' and w.worker_id is null
    union all
    select 'a step starts after its dependencies have finished', t.run_id,
        format('step %s before step %s', t.step_slug, o.step_slug)
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id
    join stepgres.dependencies as d
        on (d.workflow_slug, d.version, d.step_slug) = (r.workflow_slug, r.version, t.step_slug)
    join stepgres.step_states as o on o.run_id = t.run_id and o.step_slug = d.depends_on
    where t.started_at is not null and (o.finished_at is null or o.finished_at > t.started_at)
    union all
    select 'every failed attempt is recorded', t.run_id,
        format('task %s/%s: attempt %s, %s recorded', t.step_slug, t.task_index, t.attempt, a.failed)
    from stepgres.tasks as t
    cross join lateral (
        select count(*) as failed from stepgres.attempts as f
        where (f.run_id, f.step_slug, f.task_index) = (t.run_id, t.step_slug, t.task_index)
    ) as a
    where t.status <> 'cancelled'
        and a.failed <> t.attempt - case when t.status in ('started', 'completed') then 1 else 0 end
$$;

comment on function stepgres.fsck() is
'Checks the invariants of the engine over all runs; returns what violates them, nothing if all is well.

Reads every table: for tests and for peace of mind, not for every minute.';
