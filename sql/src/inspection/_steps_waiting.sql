create function stepgres._steps_waiting(run stepgres.runs) returns setof stepgres.stuck_step
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step_slug, null::int, 'dependency', format('step "%s" is %s', o.step_slug, o.status),
        null::timestamptz
    from stepgres.step_states as t
    join stepgres.dependencies as d
        on (d.workflow_slug, d.version, d.step_slug) = (run.workflow_slug, run.version, t.step_slug)
    join stepgres.step_states as o on o.run_id = t.run_id and o.step_slug = d.depends_on
    where t.run_id = run.run_id and t.status = 'created' and o.finished_at is null
    union all
    select t.step_slug, null, 'start', 'the run is delayed', nullif(m.due_at, 'infinity')
    from stepgres.step_states as t
    join stepgres.timers as m on m.run_id = t.run_id and m.kind = 'run_start'
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
