create function stepgres._spent(
    run stepgres.runs, step stepgres.step_states, since timestamptz, until timestamptz
) returns stepgres.critical_step
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_definition stepgres.steps;
    v_task stepgres.tasks;
    v_queued text;
    v_spent stepgres.critical_step;
begin
    select s.* into v_definition from stepgres.steps as s
    where (s.workflow_slug, s.version, s.step_slug)
        = (run.workflow_slug, run.version, step.step_slug);
    select t.* into v_task from stepgres.tasks as t
    where t.run_id = run.run_id and t.step_slug = step.step_slug
    order by coalesce(t.finished_at, 'infinity') desc, t.queued_at, t.task_index
    limit 1;
    -- a task with limits stands in a line until a worker has taken it
    v_queued := case when v_task.is_limited then 'limited' else 'queued' end;
    -- A time lasts until the next one, as far as times are stored: see the comment on
    -- critical_path. Of several at the same instant, the one with the highest rank counts.
    select coalesce(sum(l.lasts) filter (where l.kind = 'queued'), '0'),
        coalesce(sum(l.lasts) filter (where l.kind = 'limited'), '0'),
        coalesce(sum(l.lasts) filter (where l.kind = 'waited'), '0'),
        coalesce(sum(l.lasts) filter (where l.kind = 'retrying'), '0'),
        coalesce(sum(l.lasts) filter (where l.kind = 'running'), '0')
    into v_spent.queued, v_spent.limited, v_spent.waited, v_spent.retrying, v_spent.running
    from (
        select c.kind,
            lead(c.at, 1, _spent.until) over (order by c.at, c.rank) - c.at as lasts
        from (
            select k.kind, least(greatest(k.at, since), _spent.until) as at, k.rank
            from (
                -- a run in a line or with a delay, or a pause
                select case when run.is_limited then 'limited' else 'waited' end as kind,
                    since as at, 0 as rank
                union all
                select case
                        when v_definition.wait is not null or v_definition.start_at is not null
                            or v_definition.start_delay > interval '0' then 'waited'
                        else v_queued
                    end, step.started_at, 1
                union all
                select v_queued, step.started_at + v_definition.start_delay, 2
                where v_definition.start_delay > interval '0'
                union all
                select v_queued, v_task.queued_at, 3
                where v_task.started_at > v_task.queued_at or v_task.status = 'queued'
                union all
                -- released, with a delay
                select 'waited', v_task.queued_at, 3
                where v_task.status = 'waiting' and v_task.started_at < v_task.queued_at
                union all
                select 'running', v_task.started_at, 4
                where v_task.status <> 'queued' and v_task.started_at >= v_task.queued_at
                union all
                select e.* from stepgres.suspensions as s
                cross join lateral (
                    values ('running', s.started_at, 4), ('waited', s.suspended_at, 5),
                        (v_queued, s.resumed_at, 6)
                ) as e
                where (s.run_id, s.step_slug, s.task_index)
                    = (v_task.run_id, v_task.step_slug, v_task.task_index)
                union all
                select 'retrying', e.at, 7 from stepgres.attempts as a
                cross join lateral (values (a.started_at), (a.failed_at)) as e (at)
                where (a.run_id, a.step_slug, a.task_index)
                    = (v_task.run_id, v_task.step_slug, v_task.task_index)
            ) as k
            where k.at is not null
        ) as c
    ) as l;
    v_spent.step_slug := step.step_slug;
    v_spent.task_index := v_task.task_index;
    v_spent.status := step.status;
    v_spent.started_at := since;
    v_spent.finished_at := step.finished_at;
    return v_spent;
end
$$;

comment on function stepgres._spent(
    stepgres.runs, stepgres.step_states, timestamptz, timestamptz
) is
'Says for a step of the critical path of a run where the time between two instants went.';
