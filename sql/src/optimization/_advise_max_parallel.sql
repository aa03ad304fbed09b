create function stepgres._advise_max_parallel(source stepgres.workflow_versions)
returns setof stepgres._advice
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with done as (
        select t.run_id, t.step_slug, t.started_at, t.finished_at,
            t.finished_at - t.started_at as duration
        from stepgres._recent_runs(source.workflow_slug, 1000) as r
        -- "offset 0" keeps the planner from reading the tasks of all runs
        cross join lateral (
            select o.* from stepgres.tasks as o where o.run_id = r.run_id offset 0
        ) as t
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug)
                = (source.workflow_slug, source.version, t.step_slug)
        where t.status = 'completed' and t.started_at >= r.inserted_at and s.execution = 'local'
    ),
    -- An executor claims shorter tasks ahead: they wait in the executor as if they were executing.
    typical as (
        select d.step_slug, percentile_cont(0.5) within group (order by d.duration) as duration
        from done as d
        group by d.step_slug
        having percentile_cont(0.5) within group (order by d.duration) >= interval '0.1 seconds'
    ),
    marks as (
        select d.run_id, m.at, m.change, k.duration, d.started_at, d.finished_at
        from done as d
        join typical as k on k.step_slug = d.step_slug
        cross join lateral (values (d.started_at, 1), (d.finished_at, -1)) as m (at, change)
    ),
    counted as (
        select m.*, sum(m.change) over (partition by m.run_id order by m.at) as parallel
        from marks as m
    ),
    -- Each run with the number of tasks that it had under way at most, the work that it did,
    -- measured in typical durations of tasks, and its seconds.
    run_times as (
        select max(c.parallel)::int as parallel,
            extract(epoch from sum(c.duration) filter (where c.change = 1)) as work,
            extract(epoch from max(c.finished_at) - min(c.started_at)) as seconds
        from counted as c
        group by c.run_id
    ),
    measured as (
        select r.parallel, count(*) as runs, sum(r.work) / sum(r.seconds) as speed
        from run_times as r
        group by r.parallel
        having count(*) >= 5
    ),
    enough as (
        select m.* from measured as m
        where m.speed >= 0.97 * (select max(o.speed) from measured as o)
        order by m.parallel
        limit 1
    )
    select null, 'max_parallel', to_jsonb(e.parallel), format(
        '%s runs with up to %s tasks at a time got as much done in a second '
        'as %s runs with up to %s (%s times as much)',
        e.runs, e.parallel, o.runs, o.parallel, round(e.speed / o.speed, 2)
    )
    from enough as e
    cross join lateral (
        select m.* from measured as m
        where m.parallel >= 1.5 * e.parallel
        order by m.parallel
        limit 1
    ) as o
    where e.parallel < coalesce(source.max_parallel, 2147483647)
$$;

comment on function stepgres._advise_max_parallel(stepgres.workflow_versions) is
'Advises the lowest max_parallel with which recorded runs did as much as with more tasks.

There is no advice if runs with more tasks at a time were faster.';
