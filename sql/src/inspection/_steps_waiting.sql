create function stepgres._steps_waiting(run stepgres.runs) returns setof stepgres.stuck_step
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step_slug, null::int, 'dependency', format('step "%s" is %s', o.step_slug, o.status),
        null::timestamptz
    from stepgres.step_states as t
    -- offset 0: the statistics may be older than a run with many steps
    cross join lateral (
        select e.depends_on from stepgres.dependencies as e
        where (e.workflow_slug, e.version, e.step_slug)
            = (run.workflow_slug, run.version, t.step_slug)
        offset 0
    ) as d
    cross join lateral (
        select f.* from stepgres.step_states as f
        where (f.run_id, f.step_slug) = (t.run_id, d.depends_on) offset 0
    ) as o
    where t.run_id = run.run_id and t.status = 'created' and o.finished_at is null
    union all
    select t.step_slug, null, 'start',
        case
            when u.is_held then format(
                'run %s with the same unique_key has not ended', o.run_id
            )
            else 'the run is delayed'
        end,
        case when u.is_held is not true then nullif(m.due_at, 'infinity') end
    from stepgres.step_states as t
    cross join lateral (
        select k.due_at from stepgres.timers as k
        where k.run_id = t.run_id and k.kind = 'run_start'
        offset 0
    ) as m
    left join stepgres.unique_runs as u
        on u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
            and u.is_waiting and u.run_id = run.run_id
    left join stepgres.unique_runs as o
        on o.workflow_slug = u.workflow_slug and o.unique_key = u.unique_key and not o.is_waiting
    where t.run_id = run.run_id and t.status = 'created' and t.remaining_deps = 0
    union all
    select t.step_slug, null, 'limit',
        coalesce(h.detail, 'the run stands in a line, and is let in soon'), h.until
    from stepgres.step_states as t
    cross join lateral stepgres._held_up_by(t.run_id, '', 0) as h
    where t.run_id = run.run_id and t.status = 'created' and t.remaining_deps = 0
        and run.paused_at is null and stepgres._stands_in_line(run.run_id)
    union all
    select t.step_slug, null, 'pause', format('the run is paused since %s', run.paused_at), null
    from stepgres.step_states as t
    where t.run_id = run.run_id and t.status = 'created' and t.remaining_deps = 0
        and run.paused_at is not null
$$;

comment on function stepgres._steps_waiting(stepgres.runs) is
'Returns what each step of a run waits for before it starts: part of why_stuck.';
