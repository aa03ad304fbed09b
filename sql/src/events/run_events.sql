-- Events are not a table: the view reads them from the rows of runs, steps, tasks and attempts. It
-- finds the rows of a run by key, so a query for one run reads only this run.
create view stepgres.run_events as
-- noqa: disable=AL03,LT02,LT08,LT09,ST05
with events (
    run_id, step_slug, task_index, attempt, event_type, occurred_at, error, rank, change_number
) as (
    select r.run_id, null, null::int, null::int, e.*, null::int
    from stepgres.runs as r
    cross join
        lateral (
            values
            ('workflow_started', r.inserted_at, null, 1),
            ('goal_started', case when r.task_graph_id is not null then r.inserted_at end, null, 2),
            (
                'goal_' || case r.status when 'completed' then 'completed' else 'failed' end,
                case when r.task_graph_id is not null then r.finished_at end, r.error, 10
            ),
            (
                'workflow_' || case when r.cancelled_at is null then r.status else 'cancelled' end,
                r.finished_at, r.error, 11
            )
        ) as e
    union all
    -- The events of the task graph until the run started; later events do not belong to the run.
    -- offset 0 makes the planner find the run by its key, and not among all runs with a task graph,
    -- however few these seem to be.
    select
        r.run_id, null, null, null, 'goal_' || c.status, c.changed_at, c.reason, 0, c.change_number
    from stepgres.runs as r
    cross join
        lateral (
            select k.* from stepgres.task_graph_changes as k
            where k.task_graph_id = r.task_graph_id and k.changed_at <= r.inserted_at
            offset 0 -- noqa: AM09
        ) as c
    union all
    select p.run_id, null, null, null, e.*, null
    from stepgres.pauses as p
    cross join
        lateral (
            values
            ('workflow_paused', p.paused_at, null, 8),
            ('workflow_resumed', p.resumed_at, null, 9)
        ) as e
    union all
    select w.run_id, null, null, null, 'workflow_woken', w.woken_at, null, 2, null
    from stepgres.wakes as w
    union all
    select t.run_id, t.step_slug, null, null, e.*, null
    from stepgres.step_states as t
    cross join
        lateral (
            values
            ('step_started', t.started_at, null, 3),
            ('step_' || t.status, t.finished_at, t.error, 7)
        ) as e
    union all
    select a.run_id, a.step_slug, a.task_index, a.attempt, e.*, null
    from stepgres.attempts as a
    cross join
        lateral (
            -- an attempt that was suspended has started before its last claim
            select min(s.started_at) as started_at from stepgres.suspensions as s
            where s.run_id = a.run_id and s.step_slug = a.step_slug
                and s.task_index = a.task_index and s.attempt = a.attempt
        ) as h
    cross join
        lateral (
            values
            ('task_started', coalesce(h.started_at, a.started_at), null, 4),
            ('task_failed', a.failed_at, a.error, 5)
        ) as e
    union all
    select s.run_id, s.step_slug, s.task_index, s.attempt, e.*, null
    from stepgres.suspensions as s
    cross join
        lateral (
            values
            ('task_suspended', s.suspended_at, null, 5),
            ('task_resumed', s.resumed_at, null, 7)
        ) as e
    union all
    select
        w.run_id, w.step_slug,
        case when w.name <> '' or w.kind = 'child' then w.task_index end, null, e.*, w.number
    from stepgres.waits as w
    cross join
        lateral (
            values
            ('wait_opened', w.opened_at, null, 4),
            -- a wait is cancelled after its step
            (
                'wait_resolved', w.resolved_at, w.error,
                case w.outcome when 'cancelled' then 8 else 6 end
            )
        ) as e
    union all
    -- Until a signal is delivered, nobody has locked its run, and no subscriber is told.
    select s.run_id, null, null, null, 'signal_sent', s.sent_at, null, 2, null
    from stepgres.signals as s
    where s.run_id is not null and s.wait_id is null and not s.is_new
    union all
    select
        s.run_id, null, null, null, 'signal_sent',
        case when s.key is null then s.sent_at else s.consumed_at end, null, 2, null
    from stepgres.signals as s
    where s.run_id is not null and s.wait_id is not null
    union all
    -- The attempt is under way, has completed its task, or was cancelled before its end. A task
    -- that was cancelled between two attempts still has an error. An attempt that was handed back
    -- has started: the next claim of the task is the same attempt.
    select
        t.run_id, t.step_slug, t.task_index, n.attempt, e.*, null
    from stepgres.tasks as t
    cross join
        lateral (
            select case
                when t.status in ('queued', 'waiting') then t.attempt + 1
                -- a child run has no worker, and is counted when it ends
                when
                    t.status = 'cancelled'
                    and (t.attempt = 0 or t.started_at < t.queued_at or t.worker_id is null)
                    then t.attempt + 1
                else t.attempt
            end as attempt
        ) as n
    cross join
        lateral (
            select min(s.started_at) as started_at from stepgres.suspensions as s
            where s.run_id = t.run_id and s.step_slug = t.step_slug
                and s.task_index = t.task_index and s.attempt = n.attempt
        ) as h
    cross join
        lateral (
            values
            ('task_started', coalesce(h.started_at, t.started_at), null, 4),
            ('task_completed', case when t.status = 'completed' then t.finished_at end, null, 6)
        ) as e
    where
        t.started_at is not null and (
            t.status in ('started', 'completed')
            or (t.status in ('queued', 'waiting', 'cancelled') and t.error is null)
        )
)
select
    e.run_id,
    r.workflow_slug,
    r.task_graph_id,
    e.event_type,
    e.step_slug,
    e.task_index,
    e.attempt,
    e.occurred_at,
    e.error,
    array[
        -- events of the run come before or after the events of its steps at the same time
        case when e.rank < 3 then -1 else coalesce(s.step_index, 2147483647) end,
        -- a wait that is resolved resumes the task
        coalesce(
            case when e.event_type <> 'task_resumed' then e.attempt end,
            case e.rank when 3 then 0 else 2147483647 end
        ),
        e.rank,
        coalesce(e.task_index, e.change_number)
    ] as event_order
from events as e
inner join stepgres.runs as r on e.run_id = r.run_id
left join stepgres.steps as s
    on r.workflow_slug = s.workflow_slug and r.version = s.version and e.step_slug = s.step_slug
where e.occurred_at is not null
union all
-- events of task graphs, whether or not the task graphs have runs
select
    null, c.workflow_slug, c.task_graph_id, 'goal_' || c.status, null, null, null,
    c.changed_at, c.reason, array[c.change_number]
from stepgres.task_graph_changes as c;

comment on view stepgres.run_events is
'Events of runs, and of the task graphs that become runs; order by occurred_at, event_order.

event_type is one of workflow_started, workflow_paused, workflow_resumed, workflow_woken,
workflow_completed, workflow_failed, workflow_cancelled; step_started, step_completed, step_failed,
step_skipped, step_cancelled; task_started, task_completed, task_failed (an attempt that failed,
whether or not another attempt follows); task_suspended, task_resumed (of durable steps);
wait_opened, wait_resolved; signal_sent (a signal was delivered, or kept; a signal with a key was
consumed). A run of a task graph also has goal_started, goal_completed and goal_failed (also for a
cancelled run). Before them the run has the events of its task graph: goal_decomposed, goal_rejected
with the reason as its error, goal_approved. These three events also have rows without a run (run_id
null) as soon as they happen. event_order orders events of the same time: a step ends before the
steps that depend on it start. catch_up_events also tells task_progress, which has no row here:
get_run has the progress.';
