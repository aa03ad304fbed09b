create function stepgres.step_statistics(workflow_slug text, last_runs int default 1000)
returns setof stepgres.step_statistics
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._find_version(
        step_statistics.workflow_slug, null
    );
begin
    if last_runs < 0 then
        raise exception 'last_runs is %, and must not be negative', step_statistics.last_runs
            using errcode = 'SG003',
                hint = 'Pass the number of runs to look at, or null for all runs.';
    end if;
    return query
    with recent as materialized (
        select r.*
        from stepgres._recent_runs(v_version.workflow_slug, step_statistics.last_runs) as r
    ),
    done as (
        select t.run_id, t.step_slug, t.status, t.attempt, t.started_at, t.finished_at,
            t.started_at - t.queued_at as wait,
            case when t.status = 'completed' then t.finished_at - t.started_at end as duration
        from recent as r
        -- "offset 0" keeps the planner from reading the tasks and attempts of all runs
        cross join lateral (
            select o.* from stepgres.tasks as o where o.run_id = r.run_id offset 0
        ) as t
        -- a retried run copies tasks from before its start: they count in the old run
        where t.started_at >= r.inserted_at and t.status in ('completed', 'failed', 'skipped')
    ),
    failed as (
        select a.step_slug, count(*) as failures,
            count(*) filter (where a.failed_at - a.started_at >= s.timeout) as timeouts,
            max(s.timeout::interval)
                filter (where a.failed_at - a.started_at >= s.timeout) as longest_timeout
        from recent as r
        cross join lateral (
            select o.* from stepgres.attempts as o where o.run_id = r.run_id offset 0
        ) as a
        left join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, a.step_slug)
        group by a.step_slug
    ),
    spans as (
        select d.step_slug, max(d.finished_at) - min(d.started_at) as elapsed
        from done as d group by d.run_id, d.step_slug
    ),
    elapsed as (
        select s.step_slug, percentile_cont(0.5) within group (order by s.elapsed) as p50
        from spans as s
        group by s.step_slug
    ),
    counted as (
        select d.step_slug, count(distinct d.run_id) as runs, count(*) as tasks,
            sum(d.attempt - 1) as retries,
            count(*) filter (where d.status = 'completed' and d.attempt > 1) as recovered,
            count(*) filter (where d.status <> 'completed') as exhausted,
            percentile_cont(array[0.5, 0.95, 0.99]) within group (order by d.duration) as durations,
            percentile_cont(array[0.5, 0.95]) within group (order by d.wait) as waits
        from done as d
        group by d.step_slug
    )
    select c.step_slug, c.runs, c.tasks, coalesce(f.failures, 0), c.retries, c.recovered,
        c.exhausted, coalesce(f.timeouts, 0), f.longest_timeout,
        c.durations[1], c.durations[2], c.durations[3], c.waits[1], c.waits[2], e.p50
    from counted as c
    join elapsed as e on e.step_slug = c.step_slug
    left join failed as f on f.step_slug = c.step_slug
    order by c.step_slug;
end
$$;

comment on function stepgres.step_statistics(text, int) is
'Returns statistics of the steps of a workflow from its last ended runs, one row for each step.

Runs of all versions count; a step without tasks has no row. For the columns see the type
step_statistics. The function reads the tasks and attempts of these runs; runs that prune has
deleted do not count. If more than 10,000 active runs are newer, ended runs that are newer than the
oldest active run may not count.

Errors: SG002 unknown workflow, SG003 a negative last_runs.';
