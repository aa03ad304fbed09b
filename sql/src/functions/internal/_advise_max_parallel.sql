create function stepgres._advise_max_parallel(source stepgres.workflow_versions)
returns setof stepgres._advice
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with done as (
        select t.run_id, t.step_slug, t.started_at, t.finished_at,
            extract(epoch from t.finished_at - t.started_at)::float8 as seconds
        from stepgres._recent_runs(source.workflow_slug, 1000) as r
        join stepgres.tasks as t on t.run_id = r.run_id
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (source.workflow_slug, source.version, t.step_slug)
        where t.status = 'completed' and t.started_at >= r.inserted_at and s.execution = 'local'
    ),
    -- Shorter tasks are claimed ahead, and wait in the executor as if they were executed.
    typical as (
        select d.step_slug, percentile_cont(0.5) within group (order by d.seconds) as seconds
        from done as d group by d.step_slug having percentile_cont(0.5) within group (order by d.seconds) >= 0.25
    ),
    marks as (
        select d.run_id, d.started_at as at, 1 as change, d.seconds / k.seconds as slowness
        from done as d left join typical as k on k.step_slug = d.step_slug
        union all
        select d.run_id, d.finished_at, -1, null from done as d
    ),
    counted as (
        select m.slowness, sum(m.change) over (partition by m.run_id order by m.at) as parallel from marks as m
    ),
    -- How much is done in the time that a task typically takes, beside how many others: a task that takes twice
    -- as long beside twice as many gains nothing by it.
    measured as (
        select c.parallel::int as parallel, count(*) as tasks, avg(c.slowness) as slowness, c.parallel / avg(c.slowness) as speed
        from counted as c where c.slowness is not null
        group by c.parallel having count(*) >= 20
    ),
    enough as (
        select m.* from measured as m
        where m.speed >= 0.98 * (select max(o.speed) from measured as o)
        order by m.parallel limit 1
    )
    select null, 'max_parallel', to_jsonb(e.parallel), format(
        '%s tasks beside %s others took %s times as long as %s beside %s: more than %s at a time do not get more done',
        o.tasks, o.parallel - 1, round((o.slowness / e.slowness)::numeric, 2), e.tasks, e.parallel - 1, e.parallel
    )
    from enough as e
    cross join lateral (
        select m.* from measured as m where m.parallel >= 1.5 * e.parallel order by m.parallel limit 1
    ) as o
    where e.parallel < coalesce(source.max_parallel, 2147483647)
$$;

comment on function stepgres._advise_max_parallel(stepgres.workflow_versions) is
'As many local tasks of a run at a time as were seen to help, if more were tried.';
