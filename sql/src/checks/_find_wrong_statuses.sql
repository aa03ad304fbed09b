create function stepgres._find_wrong_statuses() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
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
    select 'active_runs and failed_runs have the workflow and time of their runs', r.run_id,
        r.status
    from (
        select a.run_id, a.workflow_slug, a.inserted_at from stepgres.active_runs as a
        union all
        select f.run_id, f.workflow_slug, f.inserted_at from stepgres.failed_runs as f
    ) as l
    join stepgres.runs as r on r.run_id = l.run_id
    where (l.workflow_slug, l.inserted_at) <> (r.workflow_slug, r.inserted_at)
    union all
    select 'failed_runs are the runs that have failed', coalesce(f.run_id, r.run_id),
        coalesce(r.status, 'no such run')
    from stepgres.failed_runs as f
    full join stepgres.runs as r on r.run_id = f.run_id
    where (f.run_id is not null) <> coalesce(r.status = 'failed', false)
    union all
    select 'a ready step has started, unless its run is held back', t.run_id,
        format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id
    where t.status = 'created' and t.remaining_deps = 0 and r.paused_at is null
        and not stepgres._stands_in_line(r.run_id) and not exists (
            select from stepgres.timers as m
            where m.run_id = r.run_id and m.kind = 'run_start'
        )
    union all
    select 'a skipped step has no accepted result', t.run_id, format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.tasks as k on k.run_id = t.run_id and k.step_slug = t.step_slug
    where t.status = 'skipped' and not t.map and k.status = 'completed'
    union all
    select 'a completed step has no failed or cancelled task', t.run_id,
        format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.tasks as k on k.run_id = t.run_id and k.step_slug = t.step_slug
    where t.status = 'completed' and k.status in ('failed', 'cancelled')
    union all
    select 'a step starts after its dependencies have finished', t.run_id,
        format('step %s before step %s', t.step_slug, o.step_slug)
    from (
        -- offset 0: with old statistics, all steps of a run would be compared with one another
        select s.run_id, s.step_slug, s.started_at, d.depends_on
        from stepgres.step_states as s
        join stepgres.runs as r on r.run_id = s.run_id
        join stepgres.dependencies as d
            on (d.workflow_slug, d.version, d.step_slug)
                = (r.workflow_slug, r.version, s.step_slug)
        where s.started_at is not null
        offset 0
    ) as t
    join stepgres.step_states as o on o.run_id = t.run_id and o.step_slug = t.depends_on
    where o.finished_at is null or o.finished_at > t.started_at
$$;

comment on function stepgres._find_wrong_statuses() is
'Returns statuses of runs and steps that contradict one another: part of fsck.';
