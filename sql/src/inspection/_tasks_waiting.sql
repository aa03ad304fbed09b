create function stepgres._tasks_waiting(run stepgres.runs) returns setof stepgres.stuck_step
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with alive as (
        select w.* from stepgres.workers as w where w.heartbeat_at + w.lease > stepgres._now()
    ),
    waiting as (
        select t.task_index, s.*, a.*
        from stepgres.tasks as t
        -- offset 0: the statistics may be older than a run with many tasks
        cross join lateral (
            select o.* from stepgres.steps as o
            where (o.workflow_slug, o.version, o.step_slug)
                = (run.workflow_slug, run.version, t.step_slug)
            offset 0
        ) as s
        left join lateral (
            select o.* from stepgres.timers as o
            where (o.run_id, o.kind, o.step_slug, o.task_index)
                = (t.run_id, 'task', t.step_slug, t.task_index)
            offset 0
        ) as m on true
        left join stepgres.workers as w on w.worker_id = t.worker_id
        left join stepgres.paused_queues as p
            on p.queue = s.queue and (s.execution = 'distributed' or run.executor_id is null)
        left join lateral (
            select o.at_limit, o.at_key
            from stepgres.line_entries as e
            join stepgres.lines as o on o.line_id = e.line_id and o.at_limit <> ''
            where t.is_limited and (e.run_id, e.step_slug, e.task_index)
                = (t.run_id, t.step_slug, t.task_index)
        ) as l on true
        cross join lateral (
            select
                coalesce(bool_or(true), false) as is_served,
                coalesce(
                    bool_or(v.resources @> stepgres._without_features(s.resources)), false
                ) as is_equipped,
                coalesce(bool_or(v.resources @> s.resources), false) as is_able,
                coalesce(bool_or(v.resources @> s.resources and stepgres._knows_step(
                    v.knows, run.workflow_slug, run.version, t.step_slug
                )), false) as is_known
            from alive as v where s.queue = any (v.queues)
        ) as q
        cross join lateral (
            select
                case
                    when t.status = 'started' then 'lease'
                    when run.paused_at is not null then 'pause'
                    -- a task that was given back waits for a worker that knows its step
                    when t.status = 'waiting'
                        and (
                            q.is_known or t.attempt > 0 or s.start_delay > '0'
                            or s.start_at is not null
                        )
                        then 'timer'
                    when p.paused_at is not null then 'pause'
                    when l.at_limit is not null
                        or (run.is_limited and stepgres._stands_in_line(run.run_id))
                        then 'limit'
                    when s.execution = 'local' and run.executor_id is not null then 'executor'
                    when not q.is_served then 'queue'
                    when not q.is_equipped then 'resource'
                    when not q.is_able then 'feature'
                    when not q.is_known then 'knowledge'
                    else 'worker'
                end as waits_for,
                case t.status
                    when 'started' then w.heartbeat_at + w.lease
                    when 'waiting' then nullif(m.due_at, 'infinity')
                end as until,
                t.worker_id, t.attempt, l.at_limit, l.at_key,
                case
                    when run.paused_at is not null
                        then format('the run is paused since %s', run.paused_at)
                    when p.paused_at is not null
                        then format('queue "%s" is paused since %s', s.queue, p.paused_at)
                end as pause
        ) as a
        where t.run_id = run.run_id and t.status in ('queued', 'started', 'waiting')
            -- a task without a timer has open waits, which are in _waits_open
            and (t.status <> 'waiting' or m.run_id is not null)
    )
    select w.step_slug, min(w.task_index), w.waits_for,
        case w.waits_for
            when 'lease'
                then format('worker "%s" executes it, attempt %s', w.worker_id, min(w.attempt))
            when 'pause' then w.pause
            when 'timer' then
                case
                    when min(w.attempt) > 0 then format('attempt %s follows', min(w.attempt) + 1)
                    when min(w.start_delay) > '0' or bool_or(w.start_at is not null)
                        then 'its start is delayed'
                    else 'a worker has given it back'
                end
            when 'limit' then coalesce(
                (
                    select h.detail
                    from stepgres._held_up_by(run.run_id, w.step_slug, min(w.task_index)) as h
                ),
                (select h.detail from stepgres._held_up_by(run.run_id, '', 0) as h),
                'the run stands in a line, and is let in soon'
            )
            when 'executor' then format('executor "%s" will execute it', run.executor_id)
            when 'queue' then format('no live worker takes from queue "%s"', w.queue)
            when 'resource' then format(
                'no live worker of queue "%s" has %s', w.queue,
                stepgres._without_features(w.resources)
            )
            when 'feature' then format(
                'no live worker of queue "%s" can execute durable steps', w.queue
            )
            when 'knowledge' then format(
                'no live worker knows step "%s" of workflow "%s", version %s',
                w.step_slug, run.workflow_slug, run.version
            )
            else format('until a worker of queue "%s" is free', w.queue)
        end || case when count(*) > 1 then format(' (%s tasks)', count(*)) else '' end,
        coalesce(min(w.until), (
            select h.until
            from stepgres._held_up_by(run.run_id, w.step_slug, min(w.task_index)) as h
            where w.waits_for = 'limit'
        ))
    from waiting as w
    group by w.step_slug, w.queue, w.resources, w.waits_for, w.worker_id, w.at_limit, w.at_key,
        w.pause
$$;

comment on function stepgres._tasks_waiting(stepgres.runs) is
'Returns what the tasks of a run wait for: part of why_stuck.';
